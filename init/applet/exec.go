package applet

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// FindProgram is the path of a program: itself if it has a slash, else what $PATH finds. The error is an error number.
func FindProgram(h *Host, name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, accessible(name)
	}
	path, set := h.Lookupenv("PATH")
	if !set {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
	}
	last := error(syscall.ENOENT)
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		p := dir + "/" + name
		switch err := accessible(p); {
		case err == nil:
			return p, nil
		case !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOTDIR):
			last = err
		}
	}
	return "", last
}

// accessible tells whether a file can be executed; a directory cannot.
func accessible(path string) error {
	if err := unix.Access(path, unix.X_OK); err != nil {
		return err
	}
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return syscall.EISDIR
	}
	return nil
}

// Exec replaces the program by another, with the standard streams as they are. It returns only if that fails, and then has told: the
// exit status is 1.
func Exec(h *Host, argv, env []string) int {
	if len(argv) == 0 {
		return h.Fail("Failed to execute: Invalid argument")
	}
	path, err := FindProgram(h, argv[0])
	if err == nil {
		h.Flush()
		err = sys.Exec(path, argv, env)
	}
	return h.Fail("Failed to execute process: %s", Cause(err))
}

// Run runs a program in the foreground with the Host's streams, and waits for it. The error says that it did not run; the exit status is
// the program's, 128 and the signal's number if that ended it.
func Run(h *Host, argv, env []string) (status int, err error) {
	path, err := FindProgram(h, argv[0])
	if err != nil {
		return 0, err
	}
	h.Flush()
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = h.Stdin, h.Stdout, h.Stderr, env
	err = cmd.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return 0, err
	}
	if ws, ok := ended.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return ended.ExitCode(), nil
}
