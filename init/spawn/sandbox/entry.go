package sandbox

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// mode is what becomes of a path, the strictest first: of two entries for one path the first stays.
type mode uint8

const (
	inaccessible mode = iota
	bind
	bindRecursive
	privateTmp
	privateTmpReadOnly
	privateDev
	bindDev
	emptyDir
	sysfs
	procfs
	readOnly
	readWrite
	noExecute
	execute
	tmpfs
	run
	mqueuefs
	readWriteImplicit
)

// entry is a path inside and what is to become of it.
type entry struct {
	path      string
	mode      mode
	ignore    bool // it may be missing; of a bind mount, its source
	readOnly  bool
	nosuid    bool
	noexec    bool
	exec      bool
	source    string // outside
	options   string
	flags     uint64
	directive string
	done      bool
	followed  int
}

func (e *entry) isReadOnly() bool {
	return e.readOnly || e.mode == readOnly || e.mode == inaccessible || e.mode == privateTmpReadOnly
}

func (e *entry) isNoexec() bool {
	return e.noexec || e.mode == noExecute || e.mode == inaccessible || e.mode == sysfs || e.mode == procfs
}

func (e *entry) isExec() bool { return e.exec || e.mode == execute }

// Limits of tmpfs mounts (src/shared/mount-util.h).
const (
	limitsDev    = ",size=4m,nr_inodes=64k"
	limitsEmpty  = ",size=4m,nr_inodes=1k"
	limitsRun    = ",size=20%,nr_inodes=800k"
	limitsNested = ",size=10%,nr_inodes=400k"
)

const emptyFlags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV | unix.MS_STRICTATIME

// MountAPIVFS= mounts these where nothing else does.
var apiVFS = []entry{
	{path: "/proc", mode: procfs},
	{path: "/dev", mode: bindDev},
	{path: "/sys", mode: sysfs},
	{path: "/run", mode: run, options: "mode=755" + limitsRun, flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_STRICTATIME},
}

var kernelTunablesProc = []entry{
	{path: "/proc/acpi", mode: readOnly, ignore: true},
	{path: "/proc/apm", mode: readOnly, ignore: true},
	{path: "/proc/asound", mode: readOnly, ignore: true},
	{path: "/proc/bus", mode: readOnly, ignore: true},
	{path: "/proc/fs", mode: readOnly, ignore: true},
	{path: "/proc/irq", mode: readOnly, ignore: true},
	{path: "/proc/kallsyms", mode: inaccessible, ignore: true},
	{path: "/proc/kcore", mode: inaccessible, ignore: true},
	{path: "/proc/latency_stats", mode: readOnly, ignore: true},
	{path: "/proc/mtrr", mode: readOnly, ignore: true},
	{path: "/proc/scsi", mode: readOnly, ignore: true},
	{path: "/proc/sys", mode: readOnly, ignore: true},
	{path: "/proc/sysrq-trigger", mode: readOnly, ignore: true},
	{path: "/proc/timer_stats", mode: readOnly, ignore: true},
}

// /sys/fs/cgroup is ProtectControlGroups='s.
var kernelTunablesSys = []entry{
	{path: "/sys", mode: readOnly},
	{path: "/sys/fs/bpf", mode: readOnly, ignore: true},
	{path: "/sys/fs/cgroup", mode: readWriteImplicit},
	{path: "/sys/fs/selinux", mode: readWriteImplicit, ignore: true},
	{path: "/sys/kernel/debug", mode: readOnly, ignore: true},
	{path: "/sys/kernel/tracing", mode: readOnly, ignore: true},
}

var kernelModules = []entry{{path: "/lib/modules", mode: inaccessible, ignore: true}, {path: "/usr/lib/modules", mode: inaccessible, ignore: true}}

var kernelLogsProc = []entry{{path: "/proc/kmsg", mode: inaccessible, ignore: true}}

var kernelLogsDev = []entry{{path: "/dev/kmsg", mode: inaccessible, ignore: true}}

// hostName is read-only where ProtectHostname= comes with a mount namespace.
var hostName = []entry{{path: "/proc/sys/kernel/hostname", mode: readOnly}, {path: "/proc/sys/kernel/domainname", mode: readOnly}}

var protectHome = map[unit.ProtectHome][]entry{
	unit.ProtectHomeReadOnly: {{path: "/home", mode: readOnly, ignore: true}, {path: "/run/user", mode: readOnly, ignore: true}, {path: "/root", mode: readOnly, ignore: true}},
	unit.ProtectHomeTmpfs: {
		{path: "/home", mode: tmpfs, ignore: true, readOnly: true, options: "mode=0755" + limitsEmpty, flags: unix.MS_NODEV | unix.MS_STRICTATIME},
		{path: "/run/user", mode: tmpfs, ignore: true, readOnly: true, options: "mode=0755" + limitsEmpty, flags: unix.MS_NODEV | unix.MS_STRICTATIME},
		{path: "/root", mode: tmpfs, ignore: true, readOnly: true, options: "mode=0700" + limitsEmpty, flags: unix.MS_NODEV | unix.MS_STRICTATIME},
	},
	unit.ProtectHomeYes: {{path: "/home", mode: inaccessible, ignore: true}, {path: "/run/user", mode: inaccessible, ignore: true}, {path: "/root", mode: inaccessible, ignore: true}},
}

var systemYes = []entry{
	{path: "/usr", mode: readOnly},
	{path: "/boot", mode: readOnly, ignore: true},
	{path: "/efi", mode: readOnly, ignore: true},
	{path: "/lib", mode: readOnly, ignore: true},
	{path: "/lib64", mode: readOnly, ignore: true},
	{path: "/bin", mode: readOnly, ignore: true},
	{path: "/sbin", mode: readOnly, ignore: true},
}

// The API file systems and the homes have directives of their own.
var protectSystem = map[unit.ProtectSystem][]entry{
	unit.ProtectSystemYes:  systemYes,
	unit.ProtectSystemFull: append(slices.Clip(systemYes), entry{path: "/etc", mode: readOnly}),
	unit.ProtectSystemStrict: {
		{path: "/", mode: readOnly},
		{path: "/proc", mode: readWriteImplicit},
		{path: "/sys", mode: readWriteImplicit},
		{path: "/dev", mode: readWriteImplicit},
		{path: "/home", mode: readWriteImplicit, ignore: true},
		{path: "/run/user", mode: readWriteImplicit, ignore: true},
		{path: "/root", mode: readWriteImplicit, ignore: true},
	},
}

// below tells whether a path is dir or lies in it.
func below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir) && path[len(dir)] == '/'
}

// comparePaths sorts a folder before what is in it, and that before its neighbours.
func comparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		switch {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// tidy sorts entries and drops those without effect (drop_unused_mounts).
func tidy(list []entry) []entry {
	slices.SortStableFunc(list, func(a, b entry) int {
		return cmp.Or(comparePaths(a.path, b.path), cmp.Compare(a.mode, b.mode))
	})
	kept := list[:0:len(list)]
	for _, e := range list { // duplicates, but for what is mounted already
		if n := len(kept); n > 0 && kept[n-1].path == e.path && !kept[n-1].done && !e.done {
			p := &kept[n-1]
			p.readOnly, p.noexec, p.exec = p.readOnly || e.isReadOnly(), p.noexec || e.isNoexec(), p.exec || e.isExec()
			continue
		}
		kept = append(kept, e)
	}
	list, kept = kept, kept[:0]
	hidden := ""
	for _, e := range list {
		if hidden != "" && below(e.path, hidden) {
			continue
		}
		if e.mode == inaccessible {
			hidden = e.path
		}
		kept = append(kept, e)
	}
	list, kept = kept, kept[:0]
	for _, e := range list {
		if e.mode == readOnly || e.mode == readWrite || e.mode == readWriteImplicit {
			i := len(kept) - 1
			for i >= 0 && !below(e.path, kept[i].path) {
				i--
			}
			if i >= 0 && kept[i].mode == e.mode {
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}
