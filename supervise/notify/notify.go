// Package notify reads the datagrams that services send to their manager with sd_notify(3), and decides who
// may send them (NotifyAccess= of systemd.service(5)).
//
// A datagram is a list of assignments, one a line. The package knows nothing of sockets: the caller hands in
// the bytes and how many file descriptors came along, and owns those descriptors.
//
// Laws (manager.c, manager_dispatch_notify_fd(), and service.c, service_notify_message()):
//   - Flags, such as READY=1, count wherever they stand and with that one value only.
//   - Of any other assignment that is repeated, the first counts.
//   - A value that is refused is as if it had not been sent, except that a refused STATUS= clears the status.
//   - BARRIER=1 stands alone; a message that has it carries nothing else.
//   - What is refused or has no effect is named in Warnings; what is not known is kept in Unknown.
package notify

import (
	"errors"

	"keelson/supervise/calendar"
)

// The limits of manager.c: a message, and the descriptors that a receiver should leave room for.
const (
	MaxMessage = 4096 // bytes, NOTIFY_BUFFER_MAX; one trailing NUL byte counts
	MaxFDs     = 768  // NOTIFY_FD_MAX; a message whose descriptors were truncated is to be dropped
)

// The reasons for which a whole message is dropped.
var (
	ErrTooLarge  = errors.New("notification message exceeds 4096 bytes")
	ErrNUL       = errors.New("notification message has embedded NUL bytes")
	ErrBackslash = errors.New("notification message ends in a backslash")
)

// State is what a service says of itself (NotifyState of service.h).
type State int

const (
	StateUnknown   State = iota // nothing said
	StateReady                  // READY=1
	StateReloading              // RELOADING=1
	StateStopping               // STOPPING=1
)

var stateNames = []string{"unknown", "ready", "reloading", "stopping"}

func (s State) String() string { return stateNames[s] }

// Watchdog is what a message says to the watchdog of its service.
type Watchdog int

const (
	WatchdogNone    Watchdog = iota // nothing
	WatchdogPing                    // WATCHDOG=1: alive
	WatchdogTrigger                 // WATCHDOG=trigger: act as if the watchdog had run out
)

var watchdogNames = []string{"none", "ping", "trigger"}

func (w Watchdog) String() string { return watchdogNames[w] }

// FDStore is what a message wants of the file descriptor store.
type FDStore int

const (
	FDStoreNone   FDStore = iota // nothing: descriptors that came along are to be closed
	FDStoreAdd                   // FDSTORE=1: keep the descriptors that came along as FDName
	FDStoreRemove                // FDSTOREREMOVE=1: drop all descriptors called FDName
)

var fdStoreNames = []string{"none", "add", "remove"}

func (f FDStore) String() string { return fdStoreNames[f] }

// DefaultFDName is what descriptors are called that are stored without a name.
const DefaultFDName = "stored"

// Message is one datagram. A nil pointer is an assignment that was not sent or was refused.
type Message struct {
	// Which states were announced. Up to systemd 252 the last one announced is all that counts, and that is
	// State; from 253 on STOPPING=1 wins over the others, and RELOADING=1 with READY=1 is a reload that is
	// finished already.
	Ready, Reloading, Stopping bool
	State                      State

	MainPID       int            // MAINPID=, positive; 0 is none
	Status        *string        // STATUS=; "" clears the status
	NotifyAccess  *Access        // NOTIFYACCESS=, overrides the unit's setting
	Errno         *int           // ERRNO=, 0 to 4095, as a number or by name
	BusError      *string        // BUSERROR=; "" clears it
	ExitStatus    *string        // EXIT_STATUS=, informative, as sent
	MonotonicUsec *calendar.Usec // MONOTONIC_USEC=, when the message was made, on CLOCK_MONOTONIC

	Watchdog      Watchdog       // WATCHDOG=
	WatchdogUsec  *calendar.Usec // WATCHDOG_USEC=, overrides the unit's WatchdogSec=; 0 turns it off
	ExtendTimeout *calendar.Usec // EXTEND_TIMEOUT_USEC=, from now

	FDStore FDStore
	FDName  string // FDNAME=, which may be ""; for FDStoreAdd and FDStoreRemove
	FDPoll  bool   // with FDStoreAdd: drop the descriptors on EPOLLHUP or EPOLLERR; FDPOLL=0 says not to

	// Barrier is BARRIER=1: the caller closes the descriptors, once all earlier messages have been dealt with.
	Barrier bool

	Unknown  []string // assignments that are not known, and flags with another value than the known one, as sent
	Warnings []string // one line each
}
