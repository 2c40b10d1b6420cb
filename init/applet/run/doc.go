// Package run is systemd-run(1): a command as a transient service, at once or when a timer, a path or a socket says so.
//
// The command line becomes the properties of a unit, package assign reads those that are given as text, and the manager makes the
// unit (StartTransientUnit). With --wait, --pipe and --pty the unit's end is waited for, and its result is the exit status; --pty makes
// a terminal for it and passes on what is typed and shown.
//
// A scope is a unit around processes that somebody else has started. Where the manager has none, --scope fails with what it says.
package run
