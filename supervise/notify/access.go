package notify

import (
	"errors"
	"fmt"
)

// Access is a value of NotifyAccess=: from whom messages are taken (NotifyAccess of service.h).
type Access int

const (
	AccessNone Access = iota // from nobody
	AccessAll                // from every process of the unit
	AccessExec               // from the main process and the control process
	AccessMain               // from the main process
)

var accessNames = []string{AccessNone: "none", AccessAll: "all", AccessExec: "exec", AccessMain: "main"}

func (a Access) String() string { return accessNames[a] }

// ParseAccess reads a value of NotifyAccess= or NOTIFYACCESS=.
func ParseAccess(text string) (Access, error) {
	for a, name := range accessNames {
		if name == text {
			return Access(a), nil
		}
	}
	return AccessNone, fmt.Errorf("NotifyAccess= %q is not one of none, main, exec, all", text)
}

// Sender is what a process is to the unit that its message is for.
type Sender int

const (
	SenderOther   Sender = iota // a process of the unit, neither of the two below
	SenderMain                  // the main process
	SenderControl               // the control process, such as that of ExecReload=
)

// Permits says whether a message from the sender is taken (service_notify_message_authorized() of service.c).
func (a Access) Permits(sender Sender) bool {
	switch a {
	case AccessAll:
		return true
	case AccessExec:
		return sender == SenderMain || sender == SenderControl
	case AccessMain:
		return sender == SenderMain
	}
	return false
}

// Check says, by process IDs, whether a message from pid is taken; 0 is a main or control process that there
// is not. The error is nil, or the line in which systemd tells why not.
func (a Access) Check(pid, main, control int) error {
	sender := SenderOther
	switch {
	case pid <= 0:
	case pid == main:
		sender = SenderMain
	case pid == control:
		sender = SenderControl
	}
	if a.Permits(sender) {
		return nil
	}
	message := fmt.Sprintf("got notification message from PID %d, but reception ", pid)
	switch {
	case a == AccessNone:
		message += "is disabled"
	case a == AccessMain && main > 0, a == AccessExec && main > 0 && control <= 0:
		message += fmt.Sprintf("is only permitted for main PID %d", main)
	case a == AccessMain:
		message += "is only permitted for the main PID, which is currently not known"
	case main > 0:
		message += fmt.Sprintf("is only permitted for main PID %d and control PID %d", main, control)
	case control > 0:
		message += fmt.Sprintf("is only permitted for control PID %d", control)
	default:
		message += "is only permitted for main PID and control PID, which are currently not known"
	}
	return errors.New(message)
}
