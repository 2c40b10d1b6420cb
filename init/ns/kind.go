// Package ns makes namespaces and looks at them.
//
// # Vocabulary
//
// A Kind is one of the kernel's eight kinds of namespace, a Plan what keelson run was asked for, its setup the list of calls
// that the first process of the new namespaces carries out before it becomes keelson's wrapper. A refusal is what the kernel or a
// container denies, with the permission that is missing.
package ns

import "golang.org/x/sys/unix"

// Kind is a kind of namespace (namespaces(7)).
type Kind struct {
	Name string // of the link in /proc/PID/ns
	Flag uintptr
}

// Kinds are all of them, in the order in which /proc/PID/ns lists them.
var Kinds = [...]Kind{
	{"cgroup", unix.CLONE_NEWCGROUP},
	{"ipc", unix.CLONE_NEWIPC},
	{"mnt", unix.CLONE_NEWNS},
	{"net", unix.CLONE_NEWNET},
	{"pid", unix.CLONE_NEWPID},
	{"time", unix.CLONE_NEWTIME},
	{"user", unix.CLONE_NEWUSER},
	{"uts", unix.CLONE_NEWUTS},
}

// names are the kinds in flags, comma-separated.
func names(flags uintptr) string {
	s := ""
	for _, k := range Kinds {
		if flags&k.Flag != 0 {
			if s != "" {
				s += ","
			}
			s += k.Name
		}
	}
	return s
}
