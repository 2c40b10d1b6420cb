package spawn

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

// pidPlace stands for the process's own pid while variables are expanded: no other value has it.
const pidPlace = "64318952764018334621"

// environment makes the argument list and the environment: build_environment in src/core/execute.c, but for what the machine has said already.
func (b *builder) environment() {
	if b.ended {
		return
	}
	e := *b.e
	added := slices.Clone(b.g.Environment)
	set := func(name, value string) { added = append(added, name+"="+value) }
	e.Own = slices.DeleteFunc(slices.Clone(e.Own), func(v string) bool {
		return strings.HasPrefix(v, "LISTEN_FDS=") || strings.HasPrefix(v, "LISTEN_FDNAMES=")
	})
	if names := b.descriptorNames(); len(names) > 0 {
		set("LISTEN_PID", pidPlace)
		set("LISTEN_FDS", fmt.Sprint(len(names)))
		set("LISTEN_FDNAMES", strings.Join(names, ":"))
	}
	if slices.ContainsFunc(e.Own, func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_USEC=") }) {
		set("WATCHDOG_PID", pidPlace)
	}
	w := &b.who
	if w.home != "" {
		set("HOME", path.Clean(w.home))
	}
	if w.name != "" {
		set("LOGNAME", w.name)
		set("USER", w.name)
	}
	if w.shell != "" {
		set("SHELL", path.Clean(w.shell))
	}
	if terminalInput(b.x.Input) || terminalOutput(b.x.Output) || terminalOutput(b.x.Error) || b.x.TTYPath != "" {
		set("TERM", b.term())
	}
	var st unix.Stat_t
	if b.streams.journal >= 0 && unix.Fstat(b.streams.journal, &st) == nil {
		set("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino))
	}
	if b.credentialDir != "" {
		set("CREDENTIALS_DIRECTORY", b.credentialDir)
	}
	set("SYSTEMD_EXEC_PID", pidPlace)
	if len(b.x.ExecSearchPath) > 0 {
		set("PATH", strings.Join(b.x.ExecSearchPath, ":"))
	}
	added = slices.DeleteFunc(added, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return b.passedOn(e.Own, name)
	})
	argv, env := e.Resolve(added, b.files)
	b.argv = b.texts(argv)
	b.env = b.texts(env)
}

// passedOn tells whether PassEnvironment= has set a variable, which counts for more than what is set here.
func (b *builder) passedOn(own []string, name string) bool {
	return slices.Contains(b.x.PassEnvironment, name) && slices.ContainsFunc(own, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

func (b *builder) descriptorNames() []string {
	var names []string
	for i := range b.passed {
		names = append(names, b.e.FDs[i].Name)
	}
	for _, f := range b.openFiles {
		names = append(names, f.FDName)
	}
	return names
}

// texts are strings for an argv or an environment. One that ends in the pid's place gets the pid; elsewhere in a string there is no room for it.
func (b *builder) texts(list []string) []*Data {
	data := make([]*Data, len(list))
	for i, s := range list {
		head, ok := strings.CutSuffix(s, pidPlace)
		if !ok {
			data[i] = Text(s)
			continue
		}
		if b.pid < 0 {
			b.pid = b.add(call("getpid", unix.SYS_GETPID, ""))
		}
		data[i] = &Data{bytes: append([]byte(head), make([]byte, pidWidth)...)}
		b.add(Call{Name: "decimal", Nr: early.OpDecimal, Args: []Arg{{text: fmt.Sprintf("%q", head), data: data[i], offset: len(head)}, Result(b.pid)}})
	}
	return data
}

// pidWidth is room for a pid and a NUL.
const pidWidth = 12

func (b *builder) umask() {
	b.add(umask(b.x.UMask))
}
