package bus

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// The part of the exec properties that confines: from ReadWritePaths to IPCNamespacePath.

// The flags of mount(2) that MountFlags= and BindPaths= are shown as.
const (
	mountRecursive = 1 << 14
	mountPrivate   = 1 << 18
	mountSlave     = 1 << 19
	mountShared    = 1 << 20
)

var propagationFlags = [...]uint64{
	unit.PropagationUnset: 0, unit.PropagationShared: mountShared, unit.PropagationSlave: mountSlave, unit.PropagationPrivate: mountPrivate,
}

func execSandboxProperties() []property {
	return ofExec([]execRow{
		{"ReadWritePaths", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.ReadWritePaths) }},
		{"ReadOnlyPaths", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.ReadOnlyPaths) }},
		{"InaccessiblePaths", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.InaccessiblePaths) }},
		{"ExecPaths", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.ExecPaths) }},
		{"NoExecPaths", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.NoExecPaths) }},
		{"ExecSearchPath", "as", func(e *unit.ExecContext, s *subject) any { return texts(e.ExecSearchPath) }},
		{"MountFlags", "t", func(e *unit.ExecContext, s *subject) any { return propagationFlags[e.MountFlags] }},
		{"PrivateTmp", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateTmp }},
		{"PrivateDevices", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateDevices }},
		{"ProtectClock", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectClock }},
		{"ProtectKernelTunables", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectKernelTunables }},
		{"ProtectKernelModules", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectKernelModules }},
		{"ProtectKernelLogs", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectKernelLogs }},
		{"ProtectControlGroups", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectControlGroups }},
		{"PrivateNetwork", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateNetwork }},
		{"PrivateUsers", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateUsers }},
		{"PrivateMounts", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateMounts }},
		{"PrivateIPC", "b", func(e *unit.ExecContext, s *subject) any { return e.PrivateIPC }},
		{"ProtectHome", "s", func(e *unit.ExecContext, s *subject) any { return e.ProtectHome.String() }},
		{"ProtectSystem", "s", func(e *unit.ExecContext, s *subject) any { return e.ProtectSystem.String() }},
		{"SameProcessGroup", "b", func(e *unit.ExecContext, s *subject) any {
			return s.config().Type == unit.TypeMount || s.config().Type == unit.TypeSwap
		}},
		{"UtmpIdentifier", "s", func(e *unit.ExecContext, s *subject) any { return e.UtmpIdentifier }},
		{"UtmpMode", "s", func(e *unit.ExecContext, s *subject) any { return e.UtmpMode.String() }},
		{"SELinuxContext", "(bs)", func(e *unit.ExecContext, s *subject) any { return securityLabel(e.SELinuxContext) }},
		{"AppArmorProfile", "(bs)", func(e *unit.ExecContext, s *subject) any { return securityLabel(e.AppArmorProfile) }},
		{"SmackProcessLabel", "(bs)", func(e *unit.ExecContext, s *subject) any { return securityLabel(e.SmackProcessLabel) }},
		{"IgnoreSIGPIPE", "b", func(e *unit.ExecContext, s *subject) any { return e.IgnoreSIGPIPE }},
		{"NoNewPrivileges", "b", func(e *unit.ExecContext, s *subject) any { return e.NoNewPrivileges }},
		{"SystemCallFilter", "(bas)", func(e *unit.ExecContext, s *subject) any { return syscalls(&e.SystemCallFilter, s) }},
		{"SystemCallArchitectures", "as", func(e *unit.ExecContext, s *subject) any { return sorted(e.SystemCallArchitectures) }},
		{"SystemCallErrorNumber", "i", func(e *unit.ExecContext, s *subject) any { return syscallErrno(e.SystemCallErrorNumber) }},
		{"SystemCallLog", "(bas)", func(e *unit.ExecContext, s *subject) any { return syscalls(&e.SystemCallLog, s) }},
		{"Personality", "s", func(e *unit.ExecContext, s *subject) any { return e.Personality }},
		{"LockPersonality", "b", func(e *unit.ExecContext, s *subject) any { return e.LockPersonality }},
		{"RestrictAddressFamilies", "(bas)", func(e *unit.ExecContext, s *subject) any { return names(e.RestrictAddressFamilies) }},
	})
}

func execDirectoryProperties() []property {
	var list []execRow
	for k := range unit.DirectoryKind(unit.DirectoryKinds) {
		if k != unit.ConfigurationDirectory {
			list = append(list, execRow{k.String() + "Symlink", "a(sst)", func(e *unit.ExecContext, s *subject) any {
				return directoryLinks(&e.Directories[k])
			}})
		}
		if k == unit.RuntimeDirectory {
			list = append(list, execRow{"RuntimeDirectoryPreserve", "s", func(e *unit.ExecContext, s *subject) any {
				return e.RuntimeDirectoryPreserve.String()
			}})
		}
		list = append(list,
			execRow{k.String() + "Mode", "u", func(e *unit.ExecContext, s *subject) any { return e.Directories[k].Mode }},
			execRow{k.String(), "as", func(e *unit.ExecContext, s *subject) any {
				paths := []string{}
				for _, d := range e.Directories[k].List {
					paths = append(paths, d.Path)
				}
				return paths
			}})
	}
	return ofExec(slices.Concat(list, []execRow{
		{"TimeoutCleanUSec", "t", func(e *unit.ExecContext, s *subject) any { return usec(e.TimeoutClean) }},
		{"MemoryDenyWriteExecute", "b", func(e *unit.ExecContext, s *subject) any { return e.MemoryDenyWriteExecute }},
		{"RestrictRealtime", "b", func(e *unit.ExecContext, s *subject) any { return e.RestrictRealtime }},
		{"RestrictSUIDSGID", "b", func(e *unit.ExecContext, s *subject) any { return e.RestrictSUIDSGID }},
		{"RestrictNamespaces", "t", func(e *unit.ExecContext, s *subject) any {
			if r := e.RestrictNamespaces; r.Set && r.Value != unit.AllNamespaces {
				return uint64(r.Value)
			}
			return Unknown // NAMESPACE_FLAGS_INITIAL of src/shared/nsflags.h: "no"
		}},
		{"RestrictFileSystems", "(bas)", func(e *unit.ExecContext, s *subject) any { return names(e.RestrictFileSystems) }},
		{"BindPaths", "a(ssbt)", func(e *unit.ExecContext, s *subject) any { return binds(e, false) }},
		{"BindReadOnlyPaths", "a(ssbt)", func(e *unit.ExecContext, s *subject) any { return binds(e, true) }},
		{"TemporaryFileSystem", "a(ss)", func(e *unit.ExecContext, s *subject) any {
			list := []pair{}
			for _, t := range e.TemporaryFS {
				list = append(list, pair{t.Path, t.Options})
			}
			return list
		}},
		{"MountAPIVFS", "b", func(e *unit.ExecContext, s *subject) any {
			if e.MountAPIVFS.Set {
				return e.MountAPIVFS.Value
			}
			return e.RootDirectory != "" || e.RootImage != "" // exec_context_get_effective_mount_apivfs
		}},
		{"KeyringMode", "s", func(e *unit.ExecContext, s *subject) any { return e.KeyringMode.String() }},
		{"ProtectProc", "s", func(e *unit.ExecContext, s *subject) any { return e.ProtectProc.String() }},
		{"ProcSubset", "s", func(e *unit.ExecContext, s *subject) any { return e.ProcSubset.String() }},
		{"ProtectHostname", "b", func(e *unit.ExecContext, s *subject) any { return e.ProtectHostname }},
		{"NetworkNamespacePath", "s", func(e *unit.ExecContext, s *subject) any { return e.NetworkNamespacePath }},
		{"IPCNamespacePath", "s", func(e *unit.ExecContext, s *subject) any { return e.IPCNamespacePath }},
	}))
}

// pathRules writes paths with their prefixes, as config_parse_namespace_path_strv of src/core/load-fragment.c keeps them.
func pathRules(rules []unit.PathRule) []string {
	list := []string{}
	for _, r := range rules {
		p := r.Path
		if r.Root {
			p = "+" + p
		}
		if r.Optional {
			p = "-" + p
		}
		list = append(list, p)
	}
	return list
}

func securityLabel(l unit.Label) label { return label{l.Optional, l.Name} }

func sorted(list []string) []string {
	out := append([]string{}, list...)
	slices.Sort(out)
	return out
}

// killErrno is systemd's number for "the process ends" (SECCOMP_ERROR_NUMBER_KILL in src/shared/seccomp-util.h).
const killErrno = 1<<31 - 2

func syscallErrno(n int) int32 {
	if n == unit.SyscallKill {
		return killErrno
	}
	return int32(n)
}

type directoryLink struct {
	Directory, Link string
	Flags           uint64
}

func directoryLinks(d *unit.Directories) []directoryLink {
	list := []directoryLink{}
	for _, dir := range d.List {
		for _, l := range dir.Symlinks {
			list = append(list, directoryLink{dir.Path, l, 0})
		}
	}
	return list
}

type bind struct {
	Source, Destination string
	Optional            bool
	Flags               uint64
}

func binds(e *unit.ExecContext, readOnly bool) []bind {
	list := []bind{}
	for _, b := range e.Binds {
		if b.ReadOnly != readOnly {
			continue
		}
		flags := uint64(0)
		if b.Recursive {
			flags = mountRecursive
		}
		list = append(list, bind{b.Source, b.Destination, b.Optional, flags})
	}
	return list
}

// syscalls is a filter as the list of calls that it comes to, sorted. In an allow list what is refused again is left out, in a
// deny list a call may have an errno of its own.
func syscalls(f *unit.SyscallFilter, s *subject) nameList {
	set := map[string]int{}
	each := func(name string, f func(string)) {
		if groups := s.server.opt.Calls; groups != nil && strings.HasPrefix(name, "@") {
			groups(name, f)
		} else {
			f(name)
		}
	}
	if f.Set && f.AllowList {
		each("@default", func(name string) { set[name] = -1 })
	}
	for _, r := range f.Rules {
		each(r.Name, func(name string) {
			if r.Remove {
				delete(set, name)
			} else {
				set[name] = r.Errno
			}
		})
	}
	out := nameList{f.AllowList, []string{}}
	for name, errno := range set {
		switch {
		case errno == unit.SyscallKill:
			name += ":kill"
		case errno >= 0 && unix.ErrnoName(unix.Errno(errno)) != "":
			name += ":" + unix.ErrnoName(unix.Errno(errno))
		case errno >= 0:
			name += ":" + strconv.Itoa(errno)
		}
		out.Names = append(out.Names, name)
	}
	slices.Sort(out.Names)
	return out
}
