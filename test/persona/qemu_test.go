package persona

import "strings"

// What qemu-user 7.2 does not do for the program that it runs (linux-user/signal.c and linux-user/syscall.c of its source). These are the only reasons why
// a test leaves something out on a machine that is emulated.
const (
	noSubreaper = "it does not know PR_SET_CHILD_SUBREAPER and PR_GET_CHILD_SUBREAPER"
	noIgnored   = "it catches every signal that by default is fatal, so a child does not inherit that one was ignored"
	noFaults    = "it keeps SIGSEGV and SIGBUS, with which it runs the program, from being blocked"
	noRealTime  = "it counts real-time signals from the C library's 34 as if that were the kernel's 32: numbers in and out are the same, but not seen from inside"
	noLibrary   = "its own C library keeps the signals 32 and 33"
	noDefault   = "it does what a signal does by default by sending that signal to itself, which is nothing to the first process, and waits for its death for ever"
	noSettings  = "it has a stack and file descriptors of its own"
)

// fatal are the signals that by default end a process.
var fatal = set(signals(1, 64)...) &^ set(17, 18, 19, 20, 21, 22, 23, 28)

// saysNothing is why an invocation says nothing under qemu-user, "" if it does.
func (i invocation) saysNothing() string {
	realTime := set(signals(32, 64)...)
	switch ignored, blocked := set(i.in.Ignored...), set(i.in.Blocked...); {
	case (ignored|blocked)&realTime != 0, strings.Contains(i.line, "kill -34"), strings.Contains(i.line, "kill -64"), strings.Contains(i.line, "kill -32"):
		return noRealTime
	case ignored&fatal != 0:
		return noIgnored
	case blocked.has(7) || blocked.has(11):
		return noFaults
	}
	return ""
}

// cannot is why a wrapper that does this with a signal does not do so under qemu-user.
func (f fate) cannot(sig int, first bool) string {
	switch {
	case sig == 32 || sig == 33:
		return noLibrary
	case first && f.ended != "":
		return noDefault
	}
	return ""
}
