// Package bus serves org.freedesktop.systemd1(5), systemd's own D-Bus interface, to systemctl and its kin: peer to peer on
// /run/systemd/private, and on the system bus where there is one. The wire format is godbus's; the server's half of the
// handshake, the objects and their tables are here.
//
// # Words
//
//   - The owner is the goroutine that owns the manager. [Owner] hands it closures, [Manager] is what these may see and ask.
//   - A connection is one client; a call is one method call with its one reply; a signal goes to all connections.
//   - An object is a path with interfaces; an interface is a list of properties, methods and signals. All of them are one
//     table (table.go), which answers Get, GetAll, Introspect and every call, and which the tests hold against the list of
//     systemd 252's own.
//   - A subject is what a property is a property of: the manager, one unit or one job, as it is in this turn.
//
// # Who does what
//
//	accept       one goroutine: limits the number of connections
//	read         one a connection: peer credentials, handshake, then message after message; decodes, looks the method up,
//	             hands the call to the owner. Operations on unit files are done here, one at a time for all connections
//	the owner    runs a call against the machine and puts its reply into the connection's queue; never waits for a client
//	write        one a connection: encodes and writes what is queued, in its order
//
// # Laws
//
//  1. The owner never blocks here, and what a turn does is bounded: a reply is gathered by the owner as plain values and encoded by
//     the writer; changes of many units at once are told in portions.
//  2. What a client can make us keep is bounded: one message in, callsMax calls without an answer, signalsMax signals. Who does not
//     read what it is sent is dropped; who merely holds a connection costs two sleeping goroutines.
//  3. Replies and signals to a connection come in the order of what they tell: the reply that names a job before the JobRemoved
//     of that job, the change of a unit before the JobRemoved of its job.
//  4. Nothing is kept of a unit, except what clients have asked to be kept: references and markers.
//
// # As in systemd
//
// On the system bus, see system.go. On the private socket every connection gets all signals, Subscribe or not (bus_foreach_bus in src/core/dbus.c), and may do
// everything: only root and the manager's own user can connect.
package bus
