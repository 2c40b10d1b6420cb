package applet

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is what a program is given of the world around it. The zero value of every field but the first three has a meaning.
type Host struct {
	// Stdin, Stdout and Stderr belong to the caller. Output is buffered: Flush writes it, and who calls another program flushes first.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Environ is the environment in the form of os.Environ.
	Environ []string

	// Root is put before the paths of systemd's runtime files (/run/systemd/private): for tests. "" is the machine's own.
	Root string

	// Now tells the time, and Local the time zone; nil is the machine's.
	Now   func() time.Time
	Local *time.Location

	name   string
	out    *bufio.Writer
	vars   map[string]string
	tty    tristate
	colour colourMode
	utf8   tristate
	urls   tristate
	width  int
	level  Level
	leveld bool
	pager  *pager
}

// tristate is an answer that is not known before it is asked for.
type tristate uint8

const (
	unknown tristate = iota
	no
	yes
)

func known(b bool) tristate {
	if b {
		return yes
	}
	return no
}

// Process is the process's own surroundings.
func Process() *Host {
	return &Host{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
}

// Called sets the name that messages use, argv[0]. Messages of getopt have it whole, those of the program without directories.
func (h *Host) Called(argv0 string) { h.name = argv0 }

// Called0 is the name that the program was called by, as it was.
func (h *Host) Called0() string { return h.name }

// Name is the name that the program was called by, without directories.
func (h *Host) Name() string { return filepath.Base(h.name) }

// Getenv is the value of a variable, "" if it is not set. Of a name that is set twice the first counts, as in getenv(3).
func (h *Host) Getenv(name string) string {
	v, _ := h.Lookupenv(name)
	return v
}

// Lookupenv is Getenv that tells an empty variable from none.
func (h *Host) Lookupenv(name string) (string, bool) {
	if h.vars == nil {
		h.vars = make(map[string]string, len(h.Environ))
		for i := len(h.Environ) - 1; i >= 0; i-- {
			if k, v, ok := strings.Cut(h.Environ[i], "="); ok {
				h.vars[k] = v
			}
		}
	}
	v, ok := h.vars[name]
	return v, ok
}

// Flag is a variable that holds a boolean. set is false if it is not set or holds none.
func (h *Host) Flag(name string) (value, set bool) {
	s, ok := h.Lookupenv(name)
	if !ok {
		return false, false
	}
	return Boolean(s)
}

// Boolean reads what systemd takes for a boolean (parse_boolean of src/basic/parse-util.c).
func Boolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}

// Path is where a file of the machine lies: below Root.
func (h *Host) Path(path string) string {
	if h.Root == "" {
		return path
	}
	return filepath.Join(h.Root, path)
}

// Booted tells whether a manager of systemd's kind runs: sd_booted(3).
func (h *Host) Booted() bool {
	fi, err := os.Lstat(h.Path("/run/systemd/system"))
	return err == nil && fi.IsDir()
}

// Chroot tells whether the root directory is another than that of PID 1. Who may not look at that one is taken to share it.
func (h *Host) Chroot() bool {
	if v, set := h.Flag("SYSTEMD_IGNORE_CHROOT"); set && v {
		return false
	}
	theirs, err := os.Stat(h.Path("/proc/1/root"))
	if err != nil {
		return false
	}
	ours, err := os.Stat(h.Path("/"))
	return err == nil && !os.SameFile(theirs, ours)
}

// Time is the present.
func (h *Host) Time() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// Location is the time zone that times are shown in: $TZ, as everywhere, else the machine's.
func (h *Host) Location() *time.Location {
	if h.Local != nil {
		return h.Local
	}
	return time.Local
}

// writer is where output goes: the pager if there is one.
func (h *Host) writer() *bufio.Writer {
	if h.out == nil {
		h.out = bufio.NewWriterSize(h.Stdout, 16<<10)
	}
	return h.out
}

// Print writes output as it is.
func (h *Host) Print(s string) { h.writer().WriteString(s) }

// Puts writes output and ends the line.
func (h *Host) Puts(s string) {
	w := h.writer()
	w.WriteString(s)
	w.WriteByte('\n')
}

// Printf writes formatted output.
func (h *Host) Printf(format string, args ...any) { fmt.Fprintf(h.writer(), format, args...) }

// Flush writes what is buffered. Where output went to is gone, nobody is left to tell.
func (h *Host) Flush() {
	if h.out != nil {
		_ = h.out.Flush()
	}
}

// Write makes a Host a writer of its own output.
func (h *Host) Write(p []byte) (int, error) { return h.writer().Write(p) }

// descriptor is the file descriptor behind a stream, -1 for a buffer.
func descriptor(stream any) int {
	if f, ok := stream.(interface{ Fd() uintptr }); ok {
		return int(f.Fd())
	}
	return -1
}

func isTerminal(stream any) bool {
	fd := descriptor(stream)
	if fd < 0 {
		return false
	}
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// OnTerminal tells whether output and messages both go to a terminal.
func (h *Host) OnTerminal() bool {
	if h.tty == unknown {
		h.tty = known(isTerminal(h.Stdout) && isTerminal(h.Stderr))
	}
	return h.tty == yes
}

// dumb tells of a terminal that shows text and nothing else.
func (h *Host) dumb() bool {
	if !h.OnTerminal() {
		return true
	}
	term, ok := h.Lookupenv("TERM")
	return !ok || term == "dumb"
}

// Columns is the width of the terminal: $COLUMNS, else what the terminal says, else 80.
func (h *Host) Columns() int {
	if h.width > 0 {
		return h.width
	}
	h.width = 80
	if n, err := strconv.Atoi(strings.TrimSpace(h.Getenv("COLUMNS"))); err == nil && n > 0 && n <= 65535 {
		h.width = n
	} else if ws, err := unix.IoctlGetWinsize(descriptor(h.Stdout), unix.TIOCGWINSZ); err == nil && ws.Col > 0 {
		h.width = int(ws.Col)
	}
	return h.width
}
