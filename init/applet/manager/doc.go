// Package manager is an applet's connection to the manager: org.freedesktop.systemd1 over /run/systemd/private, or over the system bus
// for who is not root.
//
// # Words
//
//   - A [Conn] is one connection and one thread of control: a call writes a message and reads until its reply is there. Signals that come
//     in between are handed to the connection's watcher. There is no goroutine and no lock.
//   - [Properties] are an object's, in the order in which the manager sent them: that is the order in which systemctl shows them.
//   - An [Error] is the manager's refusal: a D-Bus error name and a text.
//
// # Why not go-systemd's own connection
//
// The messages are godbus's, the types of replies and the escaping of paths go-systemd's. Their connections are not used, for three
// reasons. The order of properties is lost in a map. go-systemd authenticates twice, for calls and for signals, in four exchanges each,
// where systemd's own client does with one: `is-active` takes 7.6 ms that way, 5.0 with a single connection of godbus's and 4.1 with
// this one, systemctl itself 7.9 (medians of 200 on one noisy machine). And a signal cannot overtake or be
// overtaken by a reply where one thread reads both.
//
// Sources: sd-bus(3); the D-Bus specification, "Message Protocol" and "Authentication Protocol"; src/libsystemd/sd-bus/bus-socket.c and
// src/shared/bus-util.c of systemd 252.
package manager
