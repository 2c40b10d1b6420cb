package sandbox

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FS is what plans ask of the machine. Paths are absolute; links are not followed.
type FS interface {
	Lstat(path string) (fs.FileMode, error)
	ReadLink(path string) (string, error)
	// Mounts are the mount points that can be seen, in the order of /proc/self/mountinfo. Without it there is but the root.
	Mounts() []MountPoint
	// NewProc tells whether a /proc with these options can be mounted.
	NewProc(options string) bool
}

// MountPoint is a line of /proc/self/mountinfo.
type MountPoint struct {
	At    string
	Flags uint64 // the mount's own, MS_RDONLY and so on; MS_RELATIME is the default and left out
}

var mountOptions = map[string]uint64{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC, "noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME,
	"nosymfollow": unix.MS_NOSYMFOLLOW,
}

// mountLine is a mount of mountinfo, seen or not.
type mountLine struct {
	id, parent string
	MountPoint
}

// ParseMountinfo reads /proc/PID/mountinfo (proc(5)) and gives the mounts that paths lead to. Others are mounted over, and the order of the lines does not tell
// which: a mount may have come below another one by propagation.
func ParseMountinfo(text []byte) []MountPoint {
	var all []mountLine
	children := map[string][]int{}
	ids := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 {
			continue
		}
		m := mountLine{f[0], f[1], MountPoint{At: Unescape(f[4])}}
		for o := range strings.SplitSeq(f[5], ",") {
			m.Flags |= mountOptions[o]
		}
		children[m.parent] = append(children[m.parent], len(all))
		ids[m.id] = true
		all = append(all, m)
	}
	var list []MountPoint
	seen := make([]bool, len(all)) // the parent of the topmost root may be itself
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		m := &all[i]
		for _, c := range children[m.id] {
			if c != i && all[c].At == m.At { // on its root: it covers all of it
				visit(c)
				return
			}
		}
		list = append(list, m.MountPoint)
		for _, c := range children[m.id] {
			covered := func(o int) bool { return o != c && all[o].At != all[c].At && below(all[c].At, all[o].At) }
			if !slices.ContainsFunc(children[m.id], covered) {
				visit(c)
			}
		}
	}
	for i := range all {
		if !ids[all[i].parent] || all[i].parent == all[i].id {
			visit(i)
		}
	}
	return list
}

// Unescape undoes the kernel's "\040" for a space, a tab, a newline or a backslash.
func Unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Machine is the FS of the process's own mount namespace. It remembers what NewProc found out.
type Machine struct {
	proc map[string]bool
}

// Lstat implements FS.
func (*Machine) Lstat(path string) (fs.FileMode, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return st.Mode(), nil
}

// ReadLink implements FS.
func (*Machine) ReadLink(path string) (string, error) { return os.Readlink(path) }

// Mounts implements FS.
func (*Machine) Mounts() []MountPoint {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return ParseMountinfo(b)
}

// NewProc implements FS. fsmount(2), Linux 5.2, makes a mount that is nowhere, and refuses as mount(2) would: for an option that the kernel
// does not know, and in a user namespace when the /proc that is there hides something. Without it options are presumed unknown, and a plain /proc to be possible.
func (m *Machine) NewProc(options string) bool {
	can, known := m.proc[options]
	if !known {
		if m.proc == nil {
			m.proc = map[string]bool{}
		}
		can = canMountProc(options)
		m.proc[options] = can
	}
	return can
}

func canMountProc(options string) bool {
	fd, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err == unix.ENOSYS {
		return options == ""
	}
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	for o := range strings.SplitSeq(options, ",") {
		if key, value, ok := strings.Cut(o, "="); ok {
			if err := unix.FsconfigSetString(fd, key, value); err != nil {
				return false
			}
		}
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		return false
	}
	mfd, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return false
	}
	unix.Close(mfd)
	return true
}
