// Package spawn turns what a process is to be into a flat list of system calls, and has package early's exec stage carry it out in a new process.
//
// # Vocabulary
//
// A Call is one system call, or one of early's operations, with its arguments and what it is for. A list is calls in order, ended by an execve.
// Data are bytes that arguments point at. An argument may be the Result of an earlier call of the same list.
//
// A [Compiler] makes a [Program] of what the manager wants to run ([supervise.Spawn]) and what its owner hands in ([Given]). A program is a list and the
// descriptors that it starts with. What a unit asks for and does not get here is a [Degradation]. Descriptors have two numbers: the owner's,
// and the stage's, under which the list names them.
//
// # Laws
//
//   - All decisions are made here, in the parent; the child obeys. What is printed of a list is what will run. A step that
//     fails ends the child, and comes back as a *StepError.
//   - The order of the calls is that of exec_child in src/core/execute.c of systemd 252, and so is the exit status of each (systemd.exec(5), "Process Exit
//     Codes"). A step that is known to fail is in the list all the same, as one that fails: the process exists, and ends with that status.
//   - A step fails for want of a permission, or of a feature of the kernel: if the directive only protects or tunes, the list goes on and the
//     directive is a Degradation; if the process would meet another world than the unit describes, it ends. A strict compiler ends it always.
//   - Compile waits for nothing: it reads local regular files and asks the kernel. What can block, such as opening a terminal or a FIFO, is
//     done by the child.
package spawn

import (
	"fmt"
	"strings"
	"syscall"

	"keelson/init/early"
	"keelson/supervise/unit"
)

// Call is one system call of a list.
type Call struct {
	Name  string // as in section 2 of the manual
	Nr    uint64 // its number on this architecture, or one of early's operations
	Args  []Arg  // at most six
	For   string // what it is for, to follow "cannot": "mount a new /proc"
	Exit  uint16 // the exit status if it fails, 0 for the list's own
	flag  uint16 // early.MayFail and so on
	after int    // 1 + the index of the call without which this one is not made
	zero  bool   // Exit 0 is meant
	loss  Degradation
	cause error // of a call that is made to fail
}

// Arg is an argument: a number, an address, or an earlier call's result.
type Arg struct {
	text   string // as strace(1) prints it
	word   uint64
	data   *Data
	offset int // into data
	from   int // 1 + the index of the call whose result it is
}

// Data are bytes that arguments point at; the same Data has one address throughout a list.
type Data struct {
	bytes  []byte
	points []pointer
}

// pointer is an address in Data: that of other data.
type pointer struct {
	at int // where in the bytes
	to *Data
}

// Text is a string with its NUL.
func Text(s string) *Data { return &Data{bytes: append([]byte(s), 0)} }

// Int is a number, printed in decimal.
func Int(n int) Arg { return Arg{word: uint64(n)} }

// Word is a number or a set of flags, printed as text.
func Word(n uint64, text string) Arg { return Arg{text: text, word: n} }

// Null is a null pointer.
func Null() Arg { return Arg{text: "NULL"} }

// Str is the address of a string.
func Str(s string) Arg { return Arg{text: fmt.Sprintf("%q", s), data: Text(s)} }

// Bytes is the address of b, which is copied when the list is encoded; text says what they mean.
func Bytes(b []byte, text string) Arg { return Arg{text: text, data: &Data{bytes: b}} }

// Strs is the address of a NULL-terminated array of strings, such as argv.
func Strs(s []*Data) Arg {
	array := &Data{bytes: make([]byte, 8*(len(s)+1)), points: make([]pointer, len(s))}
	for i, d := range s {
		array.points[i] = pointer{8 * i, d}
	}
	return Arg{data: array}
}

// quoted is an array of strings as it is printed.
func (d *Data) quoted() string {
	list := make([]string, len(d.points))
	for i, p := range d.points {
		list[i] = fmt.Sprintf("%q", strings.TrimRight(string(p.to.bytes), "\x00"))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// String is the argument as strace(1) prints it.
func (a Arg) String() string {
	switch {
	case a.text == "" && a.data != nil:
		return a.data.quoted()
	case a.text == "" && a.from > 0:
		return fmt.Sprintf("#%d", a.from-1)
	case a.text == "":
		return fmt.Sprint(int64(a.word))
	}
	return a.text
}

// Result is what the call at index i of the list returned.
func Result(i int) Arg { return Arg{from: i + 1} }

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

// MayExist is the call with EEXIST ignored.
func (c Call) MayExist() Call {
	c.flag |= early.MayExist
	return c
}

// mayDeny is the call with the error of a missing permission or feature ignored and reported: that is the loss.
func (c Call) mayDeny(loss Degradation) Call {
	c.flag |= early.MayDeny
	c.loss = loss
	return c
}

// After is the call made only if the call at index i succeeded.
func (c Call) After(i int) Call {
	c.after = i + 1
	return c
}

// exit is the call with an exit status for its failure.
func (c Call) exit(status int) Call {
	c.Exit, c.zero = uint16(status), status == 0
	return c
}

// String is the call as strace(1) prints it; #n is the result of call n.
func (c Call) String() string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.String()
	}
	s := c.Name + "(" + strings.Join(args, ", ") + ")"
	var notes []string
	for _, n := range []struct {
		flag uint16
		text string
	}{{early.MayFail, "may fail"}, {early.MayExist, "may exist"}, {early.MayDeny, "may be denied"}} {
		if c.flag&n.flag != 0 {
			notes = append(notes, n.text)
		}
	}
	if c.after > 0 {
		notes = append(notes, fmt.Sprintf("after #%d", c.after-1))
	}
	if notes != nil {
		s += " // " + strings.Join(notes, ", ")
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
	switch {
	case e.Call.cause != nil:
		return fmt.Sprintf("cannot %s: %v", e.Call.For, e.Call.cause)
	case e.Call.For == "":
		return fmt.Sprintf("%s: %s", e.Call, describe(e.Errno))
	}
	return fmt.Sprintf("cannot %s: %s: %s", e.Call.For, e.Call.Name, describe(e.Errno))
}

func (e *StepError) Unwrap() error {
	if e.Call.cause != nil {
		return e.Call.cause
	}
	return e.Errno
}

// Status is what the child ends with.
func (e *StepError) Status() int {
	if e.Call.Exit == 0 && !e.Call.zero {
		return failed
	}
	return int(e.Call.Exit)
}

// Stage is the status in systemd's words, such as "CHDIR" ("Failed at step CHDIR spawning …"); "" if it has none there.
func (e *StepError) Stage() string { return unit.ExitStatusName(uint8(e.Status())) }

// describe begins with a capital, as strerror(3) does: these lines stand beside other programs'.
func describe(e syscall.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
