package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A persona is the program that a wrapper stands in for. Where two peers differ the difference is kept: see the contract of each in
// tini.go, dumbinit.go, catatonit.go and keelson.go.
type persona uint8

const (
	keelson persona = iota
	tini
	dumbInit
	catatonit
	attached // the outer half of keelson run: its child is there already
)

// names are the last components of argv[0] that choose a persona. Every other name is keelson.
var names = [...]struct {
	name    string
	persona persona
}{
	{"tini", tini},
	{"tini-static", tini},
	{"docker-init", tini},
	{"dumb-init", dumbInit},
	{"catatonit", catatonit},
	{"podman-init", catatonit},
	{AttachName, attached},
}

// Names by which keelson re-executes itself.
const (
	StageName  = "keelson-exec"   // the exec stage: argv[1] is the list's file descriptor, argv[2] the report's
	AttachName = "keelson-attach" // the outer half of keelson run: argv[1] is the child's pid
)

// GeneratorsCommand is what a manager executes itself as for daemon-reload.
const GeneratorsCommand = "generators"

// Commands are the words that, as argv[1], make keelson something else than a wrapper. They are the runtime's.
var Commands = [...]struct {
	Name    string
	blocked bool // it comes up with all signals blocked, for it or what it turns into to take
}{
	{"run", true},
	{"ns", false},
	{"pause", true},
	{"boot", true},
	{"supervise", true},
	{"ctl", false},
	{"journal", false},
	{"install", false},
	{"import", false},
	{GeneratorsCommand, false},
	{"sshd", true},
}

// Applets are the names that, as the last component of argv[0], make keelson the manager or one of its clients. They are the runtime's.
var Applets = [...]struct {
	Name    string
	blocked bool
}{
	{"init", true},
	{"systemd", true},
	{"systemctl", false},
	{"journalctl", false},
	{"systemd-analyze", false},
	{"systemd-cat", false},
	{"systemd-detect-virt", false},
	{"systemd-escape", false},
	{"systemd-notify", false},
	{"systemd-run", false},
	{"systemd-sysusers", false},
	{"systemd-tmpfiles", false},
	{"service", false},
	{"halt", false},
	{"poweroff", false},
	{"reboot", false},
	{"runlevel", false},
	{"shutdown", false},
	{"telinit", false},
}

// start is called by the entry with the kernel's initial stack: argc, argv, envp and the auxiliary vector, each array ended by a NULL.
func start(sp unsafe.Pointer) {
	argc := *(*int)(sp)
	if argc < 1 {
		print(stderr, "keelson: called without an argv[0]\n")
		exit(exitUsage)
	}
	argv := (*cstr)(unsafe.Add(sp, 8))
	envp := from(argv, argc+1)
	name := base(at(argv, 0))
	if equal(name, StageName) {
		execStage(argc, argv)
	}
	for i := range Applets {
		if equal(name, Applets[i].Name) {
			keep(envp, Applets[i].blocked)
			return
		}
	}
	p := keelson
	for i := range names {
		if equal(name, names[i].name) {
			p = names[i].persona
		}
	}
	if p == keelson && argc > 1 {
		for i := range Commands {
			if equal(at(argv, 1), Commands[i].Name) {
				keep(envp, Commands[i].blocked)
				return
			}
		}
	}
	if p == keelson || p == attached {
		nameProcess(envp)
	}
	w := wrapper{persona: p, argc: argc, argv: argv, envp: envp}
	w.pid = getpid()
	switch p {
	case tini:
		w.parseTini()
	case dumbInit:
		w.parseDumbInit()
	case catatonit:
		w.parseCatatonit()
	case attached:
		w.parseAttached()
	default:
		w.parseKeelson()
	}
	w.run()
}

// nameProcess undoes what executing /proc/self/exe does to the name that ps(1) shows, "exe".
func nameProcess(envp *cstr) {
	if file := execFileName(envp); hasPrefix(asString(file), "/proc/self/") {
		prctl(unix.PR_SET_NAME, address(unsafe.Pointer(path("keelson\x00"))))
	}
}
