package spawn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/supervise/unit"
)

// systemd's own exit statuses (systemd.exec(5), "Process Exit Codes").
const (
	exitChdir             = 200
	exitNice              = 201
	exitFDs               = 202
	exitExec              = 203
	exitLimits            = 205
	exitOOMAdjust         = 206
	exitSignalMask        = 207
	exitStdin             = 208
	exitStdout            = 209
	exitChroot            = 210
	exitIOPrio            = 211
	exitTimerSlack        = 212
	exitSecureBits        = 213
	exitSetScheduler      = 214
	exitCPUAffinity       = 215
	exitGroup             = 216
	exitUser              = 217
	exitCapabilities      = 218
	exitCgroup            = 219
	exitSetsid            = 220
	exitStderr            = 222
	exitPAM               = 224
	exitNetwork           = 225
	exitNamespace         = 226
	exitNoNewPrivileges   = 227
	exitSELinux           = 229
	exitPersonality       = 230
	exitAppArmor          = 231
	exitRuntimeDirectory  = 233
	exitSmack             = 236
	exitKeyring           = 237
	exitNUMAPolicy        = 242
	exitCredentials       = 243
	exitBPF               = 244
	exitKSM               = 245 // systemd 254
	exitStateDirectory    = 238 // the other three follow in the order of unit.DirectoryKind
	environmentFileMax    = 64 << 20
	resetOnFork           = 1 // SCHED_FLAG_RESET_ON_FORK
	classShift            = 13
	ioprioProcess         = 1
	setIDBits             = 0o6000
	rlimitSize            = 16
	capabilityHeaderSize  = 8
	capabilityPayloadSize = 24
)

func asErrno(err error, e *syscall.Errno) bool { return errors.As(err, e) }

// reason is an errno in better words.
type reason struct {
	errno syscall.Errno
	text  string
}

func because(errno syscall.Errno, format string, args ...any) error {
	return &reason{errno, fmt.Sprintf(format, args...)}
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.errno }

// prepare finds what systemd finds out before it forks (exec_spawn in src/core/execute.c).
func (b *builder) prepare() error {
	x, e := b.x, b.e
	b.sandboxed = !e.NoSandbox && e.Line.Flags&unit.FullyPrivileged == 0
	b.setuid = b.sandboxed && e.Line.Flags&unit.NoSetuid == 0
	b.chrooted = !e.NoChroot
	b.who = identity{uid: Keep, gid: Keep}
	b.named = [3]int{-1, -1, -1}
	b.connection = -1
	if x.Input == unit.InputSocket || x.Output == unit.OutputSocket || x.Error == unit.OutputSocket {
		switch {
		case e.Sockets > 1:
			return errors.New("Got more than one socket.")
		case e.Sockets == 0 || b.g.Connection < 0:
			return errors.New("Got no socket.")
		}
		b.connection = b.g.Connection
	} else {
		b.passed = b.g.FDs
	}
	if err := b.nameStreams(); err != nil {
		return err
	}
	if err := b.planOpenFiles(); err != nil {
		return err
	}
	b.base = 3 + len(b.passed) + len(b.openFiles)
	for _, f := range x.EnvironmentFiles {
		if err := b.readEnvironment(f); err != nil && !f.Optional {
			return fmt.Errorf("Failed to load environment files: %w", err)
		}
	}
	return nil
}

// nameStreams finds the descriptors of "fd:NAME" (exec_context_named_iofds in src/core/execute.c).
func (b *builder) nameStreams() error {
	x := b.x
	for n, on := range [3]bool{x.Input == unit.InputFD, x.Output == unit.OutputFD, x.Error == unit.OutputFD} {
		if !on {
			continue
		}
		name := x.Streams[n].FDName
		if name == "" {
			name = [3]string{"stdin", "stdout", "stderr"}[n]
		}
		for i, p := range b.e.FDs {
			if p.Name == name && b.named[n] < 0 {
				b.named[n] = b.g.FDs[i]
			}
		}
		if b.named[n] < 0 {
			return fmt.Errorf("Failed to load a named file descriptor: no descriptor is named %q", name)
		}
	}
	return nil
}

// readEnvironment reads the files of one EnvironmentFile= (exec_context_load_environment in src/core/execute.c). A pattern that matches nothing is a
// file that is not there.
func (b *builder) readEnvironment(f unit.EnvironmentFile) error {
	names, err := filepath.Glob(f.Path)
	if err != nil {
		names = []string{f.Path} // to glob(3), a broken pattern is a name
	}
	names = slices.DeleteFunc(names, func(name string) bool { return matchesHidden(f.Path, name) })
	if len(names) == 0 {
		return &fs.PathError{Op: "open", Path: f.Path, Err: unix.ENOENT}
	}
	for _, name := range names {
		text, _, err := readRegular(name, environmentFileMax)
		if err == nil {
			var list []string
			if list, err = unit.ParseEnvironmentFile(text); err == nil {
				list, _ = unit.CleanEnvironment(list)
				for _, assignment := range list {
					b.files = unit.SetVariable(b.files, assignment)
				}
			} else {
				err = &fs.PathError{Op: "read", Path: name, Err: err}
			}
		}
		if err != nil && !f.Optional {
			return err
		}
	}
	return nil
}

// matchesHidden tells whether a wildcard has matched the dot of a hidden file, as glob(3) has none do.
func matchesHidden(pattern, name string) bool {
	parts, names := strings.Split(pattern, "/"), strings.Split(name, "/")
	for i := range min(len(parts), len(names)) {
		if strings.HasPrefix(names[i], ".") && !strings.HasPrefix(strings.TrimPrefix(parts[i], `\`), ".") {
			return true
		}
	}
	return false
}

// begin makes the process a child of the manager's that can be told from others, and killed: its stamp, its cgroup, no signal blocked or ignored, its
// own session.
func (b *builder) begin() {
	if b.g.Cgroup >= 0 && !b.m.IntoCgroup {
		const purpose = "enter the cgroup"
		procs := b.add(openat(purpose, b.hand(b.g.Cgroup), "cgroup.procs", unix.O_WRONLY, 0).exit(exitCgroup))
		b.add(write(purpose, Result(procs), "0").exit(exitCgroup))
		b.add(closeResult(procs))
	}
	if b.g.Stamp != 0 {
		b.add(prlimit("set the stamp", unix.RLIMIT_LOCKS, b.g.Stamp, b.g.Stamp).MayFail())
	}
	if b.g.Foreground != nil {
		b.foreground(b.g.Foreground)
		return
	}
	ignored := b.m.Ignored
	if b.x.IgnoreSIGPIPE {
		ignored &^= 1 << (unix.SIGPIPE - 1)
		b.add(disposition(unix.SIGPIPE, true).MayFail())
	}
	for sig := unix.Signal(1); sig <= 64; sig++ {
		if ignored&(1<<(sig-1)) != 0 {
			b.add(disposition(sig, false).MayFail())
		}
	}
	b.add(signalMask(0).exit(exitSignalMask))
	b.add(umask(0)) // modes of what is made from here on are meant as they are
	b.add(call("setsid", unix.SYS_SETSID, "make a session").exit(exitSetsid))
}

// foreground begins a command in this process's own session. A process that takes the terminal from the background is stopped unless SIGTTOU is blocked (tcsetpgrp(3)).
func (b *builder) foreground(f *Foreground) {
	b.add(umask(0))
	if f.Terminal {
		const purpose = "put the command into the foreground"
		group := &Data{bytes: make([]byte, 4)}
		b.add(signalMask(1<<64 - 1).exit(exitSignalMask))
		b.add(call("setpgid", unix.SYS_SETPGID, purpose, Int(0), Int(0)).exit(exitSetsid))
		pid := b.add(call("getpid", unix.SYS_GETPID, ""))
		b.add(Call{Name: "store", Nr: early.OpStore, Args: []Arg{{text: "&pid", data: group}, Result(pid)}})
		b.add(ioctl(purpose, Int(0), unix.TIOCSPGRP, "TIOCSPGRP", Arg{text: "&pid", data: group}).exit(exitStdin))
	}
	for sig := unix.Signal(1); sig <= 64; sig++ {
		bit := uint64(1) << (sig - 1)
		if own, wanted := b.m.Ignored&bit != 0, f.Signals.Ignored&bit != 0; own != wanted {
			b.add(disposition(sig, wanted).MayFail())
		}
	}
	b.add(signalMask(f.Signals.Mask).exit(exitSignalMask))
}

func prlimit(purpose string, resource int, soft, hard uint64) Call {
	limit := make([]byte, rlimitSize)
	binary.NativeEndian.PutUint64(limit, soft)
	binary.NativeEndian.PutUint64(limit[8:], hard)
	return call("prlimit64", unix.SYS_PRLIMIT64, purpose, Int(0), Word(uint64(resource), limitName(resource)),
		Bytes(limit, "{rlim_cur="+limitValue(soft)+", rlim_max="+limitValue(hard)+"}"), Null())
}
