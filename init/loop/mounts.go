package loop

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/spawn/sandbox"
	"keelson/init/sys"
	"keelson/supervise"
)

// mountinfo is the kernel's table of what is mounted in this mount namespace. What a service mounts in one of its own is not in there.
const mountinfo = "/proc/self/mountinfo"

// watchMounts tells the machine what is mounted, now and with each change. Without /proc a start of a mount unit asks.
func (l *Loop) watchMounts() {
	fd, err := unix.Open(mountinfo, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	// A change is an exceptional condition (proc(5)), told once to who waits on this descriptor; readable it is always. It is waited for before the
	// table is read: what changed before is not told.
	if err := l.poll.add(fd, unix.EPOLLPRI, stageRest, func(uint32) { l.mountsChanged(fd) }); err != nil {
		l.say(4, "Failed to watch %s, what is mounted later is not seen: %v", mountinfo, err)
	}
	l.mountsChanged(fd)
}

// mountsChanged reads the table.
func (l *Loop) mountsChanged(fd int) {
	var text []byte
	for {
		text = slices.Grow(text, 8<<10)
		var n int
		err := sys.Retry(func() (err error) {
			n, err = unix.Pread(fd, text[len(text):cap(text)], int64(len(text)))
			return err
		})
		if err != nil {
			l.say(4, "Failed to read %s, ignoring: %v", mountinfo, err)
			return
		}
		if n == 0 {
			break
		}
		text = text[:len(text)+n]
	}
	l.event(supervise.MountTable{Points: mountPoints(text)})
}

// mountPoints reads mountinfo: "ID PARENT MAJ:MIN ROOT WHERE OPTIONS [OPTIONAL…] - FSTYPE WHAT SUPER-OPTIONS" (proc(5)).
func mountPoints(text []byte) (list []supervise.MountPoint) {
	for line := range bytes.Lines(text) {
		mount, super, ok := strings.Cut(string(line), " - ")
		f, s := strings.Fields(mount), strings.Fields(super)
		if !ok || len(f) < 6 || len(s) < 2 {
			continue
		}
		p := supervise.MountPoint{Where: sandbox.Unescape(f[4]), What: sandbox.Unescape(s[1]), FSType: s[0]}
		own := strings.Split(f[5], ",")
		if len(s) > 2 {
			own = append(own, strings.Split(s[2], ",")...)
		}
		p.Options = mountOptions(own)
		list = append(list, p)
	}
	return list
}

// mountOptions are those of a mount and of its file system in one list, as mount(8) shows them: a mount is read-only if one of the two is.
func mountOptions(list []string) string {
	first := "rw"
	var rest []string
	for _, o := range list {
		switch o {
		case "ro":
			first = o
		case "rw", "":
		default:
			rest = append(rest, o)
		}
	}
	return strings.Join(append([]string{first}, rest...), ",")
}
