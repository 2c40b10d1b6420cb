// Package persona holds black-box tests of keelson's wrapper and of the names under which it stands in for others. There is no code in it but tests.
//
// # Vocabulary
//
// A persona is a name that keelson is called by: keelson, tini, docker-init, dumb-init, catatonit. A peer is the real program of that name,
// from Debian. The wrapper is the process of either; the command is what it runs. A machine is what runs keelson: this one, or qemu-user
// for the binary of the other architecture. A setting is the state in which a wrapper is started: its place in a PID namespace, inherited signals, file
// descriptors. A role is what this package's own test binary plays as a command: a process that is awkward on purpose.
//
// # Laws
//
// What a peer does is not written down here where it can be asked: the same invocation is run with the peer and with keelson, and exit status,
// stdout and stderr must be the same. What a peer cannot be asked, because only newer ones do it or because it is keelson's own, is a table of expectations.
//
// A test waits for events: a line on a pipe, a wait status. State of the kernel's that comes with no event is read from /proc until it is as expected or
// patience ends. A test leaves no process behind: this test binary is a child subreaper, and so are its descendants its own to end.
//
// A tool that is missing is a reason to skip, which is said; with CI=true it is a failure.
package persona
