// Package sandbox turns what a unit says of its view of the file system into a plan: the namespaces that its process needs, and the steps that
// build the view, each a system call with final arguments.
//
// # Words
//
// The root is the folder on which the view is built before it becomes "/". A path inside is one as the process will see it, a path outside one of
// the manager's. An entry is one path inside and what is to become of it (its mode), a [Step] is a system call.
//
// # Laws
//
//   - A plan is a function of a [Request] and of what [FS] tells. Nothing is decided in the child: symbolic links are resolved, and mount
//     points found, while the plan is made, in a model of the mount table that the plan's own steps change.
//   - Entries are sorted by path; of two for one path the stricter stays and takes over the other's restrictions; what lies below something inaccessible,
//     and what repeats its parent, goes. Then all mounts are made, then symbolic links, then mounts become read-only, then noexec, then nosuid.
//   - What is read-only stays so. Below a read-only path only other entries' subtrees stay writable.
//   - Remounts name each mount and the flags that it has, which any kernel understands; mount_setattr(2) would need Linux 5.12.
//   - Whether sandboxing that is denied is a failure is systemd's rule: [Plan.Insists] for mounts, [Namespace.Fatal] for the rest.
//
// # Choices
//
// What was mounted below a path that is mounted over stays hidden below it, where systemd unmounts it. The view becomes the root by pivot_root(2), where systemd 252
// moves it over the old one. Device nodes of PrivateDevices= are bind mounts, which need no CAP_MKNOD. ProtectHome=tmpfs is read-only, as its
// manual page says and systemd 252 forgets. MountAPIVFS= makes a new /run under
// RootDirectory= only, as a container's may be no mount point and still the manager's. There is no /run/systemd/incoming, through which systemctl bind would mount later on.
//
// # Sources
//
// systemd.exec(5), "Paths" and "Sandboxing"; src/core/namespace.c, and apply_mount_namespace, exec_needs_mount_namespace and insist_on_sandboxing of
// src/core/execute.c, systemd 252.
package sandbox

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Op is a system call that steps make.
type Op uint8

// The operations.
const (
	Mount   Op = iota // mount(Source, Target, Type, Flags, Data); an empty Source, Type or Data is a null pointer
	Unmount           // umount2(Target, Flags)
	Mkdir             // mkdir(Target, Mode)
	Mknod             // mknod(Target, Mode, 0): an empty regular file
	Symlink           // symlink(Source, Target)
	Chdir             // chdir(Target)
	Pivot             // pivot_root(Source, Target)
)

// Step is one system call. The process must have umask 0.
type Step struct {
	Op                         Op
	Source, Target, Type, Data string
	Flags                      uint64
	Mode                       uint32
	Optional                   bool   // an error is no failure
	Directive                  string // whose it is: "ProtectSystem=", "" for the frame of all
}

var flagNames = []struct {
	bit  uint64
	name string
}{
	{unix.MS_REMOUNT, "remount"}, {unix.MS_BIND, "bind"}, {unix.MS_REC, "rec"}, {unix.MS_SLAVE, "slave"}, {unix.MS_PRIVATE, "private"}, {unix.MS_SHARED, "shared"},
	{unix.MS_RDONLY, "ro"}, {unix.MS_NOSUID, "nosuid"}, {unix.MS_NODEV, "nodev"}, {unix.MS_NOEXEC, "noexec"}, {unix.MS_NOATIME, "noatime"},
	{unix.MS_NODIRATIME, "nodiratime"}, {unix.MS_STRICTATIME, "strictatime"}, {unix.MS_RELATIME, "relatime"},
}

// String is the step in one line, an optional one behind "-": "mount /usr /usr bind,rec".
func (s Step) String() string {
	words := []string{[...]string{"mount", "umount", "mkdir", "mknod", "symlink", "chdir", "pivot_root"}[s.Op]}
	if s.Optional {
		words[0] = "-" + words[0]
	}
	for _, w := range []string{s.Source, s.Target, s.Type} {
		if w != "" {
			words = append(words, w)
		}
	}
	var options []string
	rest := s.Flags
	for _, f := range flagNames {
		if s.Op == Mount && s.Flags&f.bit != 0 {
			options = append(options, f.name)
			rest &^= f.bit
		}
	}
	if rest != 0 {
		options = append(options, fmt.Sprintf("%#x", rest))
	}
	if s.Data != "" {
		options = append(options, s.Data)
	}
	if options != nil {
		words = append(words, strings.Join(options, ","))
	}
	if s.Op == Mkdir || s.Op == Mknod {
		words = append(words, fmt.Sprintf("%#o", s.Mode&0o7777))
	}
	return strings.Join(words, " ")
}

// Namespace is a namespace that the process is to have.
type Namespace struct {
	Flag      uint64 // CLONE_NEW…
	Path      string // if not "", the file of an existing one, to be entered by setns(2)
	Directive string
	Fatal     bool // to be denied it (EPERM, EACCES, ENOSYS, EOPNOTSUPP) ends the start, else it is remarked upon and done without
}

// Plan is how a process gets its view. The namespaces come in the order in which systemd makes them: network and IPC, then mounts with Steps, then UTS; the user
// namespace only when the groups are set.
type Plan struct {
	Namespaces []Namespace
	Steps      []Step
	Insists    bool     // without a mount namespace the start fails (exit status 226), else it goes on without Steps
	Err        error    // if a mount namespace can be had, the start fails with it (exit status 226); Steps are not complete
	Remarks    []string // what is not done, one line each
}

// Wants tells whether the plan has a namespace of a kind.
func (p *Plan) Wants(flag uint64) bool {
	for _, n := range p.Namespaces {
		if n.Flag == flag {
			return true
		}
	}
	return false
}

// Print is the plan, a line a step.
func (p *Plan) Print() string {
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String())
		b.WriteByte('\n')
	}
	return b.String()
}
