// Package spawn turns what a process is to be (its signals, session, limits, ids, directory, file descriptors, environment) into a flat list of
// system calls, and has package early's exec stage carry it out in a new process.
//
// # Vocabulary
//
// A Call is one system call with its arguments and what it is for. A list is calls in order, ended by an execve. Data are
// bytes that arguments point at. An argument may be the Result of an earlier call of the same list.
//
// # Laws
//
// All decisions are made here, in the parent; the child obeys. What is printed of a list is what will run. A step that
// fails ends the child, and comes back as a *StepError.
package spawn

import (
	"fmt"
	"strings"
	"syscall"

	"keelson/init/early"
)

// Call is one system call of a list.
type Call struct {
	Name string // as in section 2 of the manual
	Nr   uint64 // its number on this architecture
	Args []Arg  // at most six
	For  string // what it is for, to follow "cannot": "mount a new /proc"
	Exit uint16 // the exit status if it fails, 0 for the list's own
	flag uint16 // early.MayFail and so on
}

// Arg is an argument: a number, an address, or an earlier call's result.
type Arg struct {
	text   string // as strace(1) prints it
	word   uint64
	data   *Data
	offset int     // into data
	array  []*Data // data is a NULL-terminated array of their addresses
	from   int     // 1 + the index of the call whose result it is
}

// Data are bytes that arguments point at; the same Data has one address throughout a list.
type Data struct {
	bytes []byte
}

// Text is a string with its NUL.
func Text(s string) *Data { return &Data{append([]byte(s), 0)} }

// Int is a number, printed in decimal.
func Int(n int) Arg { return Arg{text: fmt.Sprint(n), word: uint64(n)} }

// Word is a number or a set of flags, printed as text.
func Word(n uint64, text string) Arg { return Arg{text: text, word: n} }

// Null is a null pointer.
func Null() Arg { return Arg{text: "NULL"} }

// Str is the address of a string.
func Str(s string) Arg { return Arg{text: fmt.Sprintf("%q", s), data: Text(s)} }

// Bytes is the address of b, which is copied when the list is encoded; text says what they mean.
func Bytes(b []byte, text string) Arg { return Arg{text: text, data: &Data{b}} }

// Strs is the address of a NULL-terminated array of strings, such as argv.
func Strs(s []*Data) Arg {
	quoted := make([]string, len(s))
	for i, d := range s {
		quoted[i] = fmt.Sprintf("%q", strings.TrimRight(string(d.bytes), "\x00"))
	}
	return Arg{text: "[" + strings.Join(quoted, ", ") + "]", array: s, data: &Data{make([]byte, 8*(len(s)+1))}}
}

// Result is what the call at index i of the list returned.
func Result(i int) Arg { return Arg{text: fmt.Sprintf("#%d", i), from: i + 1} }

// MayFail is the call with its errors ignored.
func (c Call) MayFail() Call {
	c.flag |= early.MayFail
	return c
}

// NotZero is the call with a result of 0, such as read(2)'s at the end of a file, counted as a failure.
func (c Call) NotZero() Call {
	c.flag |= early.NotZero
	return c
}

// String is the call as strace(1) prints it; #n is the result of call n.
func (c Call) String() string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.text
	}
	s := c.Name + "(" + strings.Join(args, ", ") + ")"
	if c.flag&early.MayFail != 0 {
		s += " // may fail"
	}
	return s
}

// Print is a list, a call a line with its index, which results are named by.
func Print(list []Call) string {
	var b strings.Builder
	for i, c := range list {
		fmt.Fprintf(&b, "%2d %s\n", i, c)
	}
	return b.String()
}

// StepError is a call that failed in the child.
type StepError struct {
	Step  int
	Call  Call
	Errno syscall.Errno
}

func (e *StepError) Error() string {
	if e.Call.For == "" {
		return fmt.Sprintf("%s: %s", e.Call, describe(e.Errno))
	}
	return fmt.Sprintf("cannot %s: %s: %s", e.Call.For, e.Call.Name, describe(e.Errno))
}

func (e *StepError) Unwrap() error { return e.Errno }

// describe begins with a capital, as strerror(3) does: these lines stand beside other programs'.
func describe(e syscall.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
