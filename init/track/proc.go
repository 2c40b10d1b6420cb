package track

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// procfs is a /proc of the own PID namespace, held open; dir is -1 if there is none.
type procfs struct{ dir int }

// openProc opens a /proc. One left over from another PID namespace shows other processes under our numbers, and counts as none.
func openProc(path string) (procfs, error) {
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return procfs{-1}, fmt.Errorf("cannot open %s: %w", path, err)
	}
	var buf [32]byte
	n, err := unix.Readlinkat(dir, "self", buf[:])
	if err != nil {
		unix.Close(dir)
		return procfs{-1}, fmt.Errorf("%s is no /proc: %w", path, err)
	}
	if self := string(buf[:n]); self != strconv.Itoa(os.Getpid()) {
		unix.Close(dir)
		return procfs{-1}, fmt.Errorf("%s is of another PID namespace: this process is %d here and %s there", path, os.Getpid(), self)
	}
	return procfs{dir}, nil
}

// read reads a file of a process into buf, as far as it fits. Safe for concurrent use.
func (p procfs) read(pid int, name string, buf []byte) ([]byte, error) {
	if p.dir < 0 {
		return nil, unix.ENOENT
	}
	path := strconv.AppendInt(make([]byte, 0, 32), int64(pid), 10)
	path = append(append(path, '/'), name...)
	return readAt(p.dir, string(path), buf)
}

// readAt reads a file below dir into buf, as far as it fits.
func readAt(dir int, path string, buf []byte) ([]byte, error) {
	var fd, n int
	err := sys.Retry(func() (err error) { fd, err = unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0); return err })
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	got := 0
	for got < len(buf) {
		err := sys.Retry(func() (err error) { n, err = unix.Read(fd, buf[got:]); return err })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		got += n
	}
	return buf[:got], nil
}

// each calls f with every PID and the inode of its directory, in the kernel's order: ascending. buf is scratch.
func (p procfs) each(buf []byte, f func(pid int, inode uint64)) error {
	if p.dir < 0 {
		return unix.ENOENT
	}
	if _, err := unix.Seek(p.dir, 0, unix.SEEK_SET); err != nil {
		return os.NewSyscallError("lseek", err)
	}
	for {
		var n int
		err := sys.Retry(func() (err error) { n, err = unix.Getdents(p.dir, buf); return err })
		if err != nil {
			return os.NewSyscallError("getdents64", err)
		}
		if n == 0 {
			return nil
		}
		// struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
		for at := 0; at+19 < n; {
			length := int(binary.NativeEndian.Uint16(buf[at+16:]))
			if pid := decimal(buf[at+19 : at+length]); pid > 0 {
				f(pid, binary.NativeEndian.Uint64(buf[at:]))
			}
			at += length
		}
	}
}

// decimal is the number that a NUL-terminated name is, 0 if it is none.
func decimal(name []byte) int {
	n := 0
	for i, c := range name {
		switch {
		case c == 0 && i > 0:
			return n
		case c < '0' || c > '9' || n > 1<<24:
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// stat is what /proc/PID/stat says (proc(5)).
type stat struct {
	name    string
	state   byte
	parent  int
	threads int
	start   uint64 // clock ticks since boot
	ticks   uint64 // of CPU time, with that of the children that it has waited for
}

// ended tells that nothing of the process runs any more. A leader that has ended before its threads looks like a zombie, but lives.
func (s stat) ended() bool { return (s.state == 'Z' || s.state == 'X') && s.threads <= 1 }

// stat reads /proc/PID/stat. Safe for concurrent use.
func (p procfs) stat(pid int) (stat, error) {
	var buf [1024]byte
	text, err := p.read(pid, "stat", buf[:])
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

func parseStat(text []byte) (stat, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')') // a name may hold others
	if open < 0 || end < open {
		return stat{}, unix.EBADMSG
	}
	f := bytes.Fields(text[end+1:]) // from field 3 on
	if len(f) < 20 || len(f[0]) != 1 {
		return stat{}, unix.EBADMSG
	}
	s := stat{name: string(text[open+1 : end]), state: f[0][0]}
	number := func(field int) (n uint64) {
		n, _ = strconv.ParseUint(string(f[field-3]), 10, 64) // the kernel writes numbers
		return n
	}
	s.parent, s.threads, s.start = int(number(4)), int(number(20)), number(22)
	s.ticks = number(14) + number(15) + number(16) + number(17)
	return s, nil
}

// cmdline is a process's command line for people, its name in brackets if it has none (get_process_cmdline in
// src/basic/process-util.c).
func (p procfs) cmdline(pid int) string {
	buf := make([]byte, 32<<10)
	text, err := p.read(pid, "cmdline", buf)
	words := strings.TrimRightFunc(strings.Map(func(r rune) rune {
		switch {
		case r == 0, r == '\n', r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, string(text)), unicode.IsSpace)
	if err == nil && words != "" {
		return words
	}
	if s, err := p.stat(pid); err == nil {
		return "[" + s.name + "]"
	}
	return ""
}

// hides is the option that makes /proc hide the processes of others (proc(5), hidepid), "" if there is none.
func (p procfs) hides() string {
	var st unix.Stat_t
	if p.dir < 0 || unix.Fstat(p.dir, &st) != nil {
		return ""
	}
	for _, m := range p.mounts() {
		if m.device != unix.Mkdev(unix.Major(st.Dev), unix.Minor(st.Dev)) {
			continue
		}
		for option := range strings.SplitSeq(m.super, ",") {
			if v, ok := strings.CutPrefix(option, "hidepid="); ok && v != "0" && v != "off" {
				return option
			}
		}
	}
	return ""
}

// mount is a line of /proc/PID/mountinfo (proc(5)).
type mount struct {
	device      uint64
	root, point string
	kind, super string
	options     string
}

// mounts are this process's mounts.
func (p procfs) mounts() (list []mount) {
	var text []byte
	for size := 16 << 10; ; size *= 2 {
		var err error
		if text, err = p.read(os.Getpid(), "mountinfo", make([]byte, size)); err != nil {
			return nil
		}
		if len(text) < size || size == 1<<20 {
			break
		}
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if len(f) < 7 || dash < 6 || len(f) < dash+4 {
			continue
		}
		var major, minor uint32
		if _, err := fmt.Sscanf(f[2], "%d:%d", &major, &minor); err != nil {
			continue
		}
		list = append(list, mount{unix.Mkdev(major, minor), unescape(f[3]), unescape(f[4]), f[dash+1], f[dash+3], f[5]})
	}
	return list
}

// unescape undoes the octal escapes of space, tab, newline and backslash.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
