// Package sock is the manager's side of sockets and of watched paths: the notify socket, what socket units listen on, and what path units and PID files
// are told by inotify. It waits for nothing. Its only goroutine lives for the length of one Open, on a thread in another network namespace.
//
// Laws:
//   - Descriptors are plain numbers, closed on exec and non-blocking; who is given one owns it. What a refused message brought is closed here.
//   - What the kernel denies for want of a privilege, and what systemd only warns about, is a Degradation; what systemd gives up at is an error, in systemd's words.
//   - The umask of the process is not touched: it belongs to all threads. Modes are set on the object itself, and never wider before than after.
package sock

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Degradation is a directive that could not be applied in full. Reason is one line.
type Degradation struct {
	Directive string
	Reason    string
}

func (d Degradation) String() string { return d.Directive + "=: " + d.Reason }

// errnoText is %m: the C library's words for an error number are Go's with a capital.
func errnoText(err error) string {
	var no unix.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	s := no.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// failure is an error in systemd's words that keeps the error number.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text + ": " + errnoText(f.err) }
func (f *failure) Unwrap() error { return f.err }

func fail(err error, format string, args ...any) error {
	return &failure{fmt.Sprintf(format, args...), err}
}

// isOneOf tells whether err is one of the error numbers.
func isOneOf(err error, numbers ...unix.Errno) bool {
	for _, n := range numbers {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

// CloseAll closes descriptors.
func CloseAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd) // Linux frees the number whatever close says (close(2))
	}
}
