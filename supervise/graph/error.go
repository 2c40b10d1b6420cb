package graph

import "fmt"

// A Code names why a request was refused.
type Code uint8

const (
	InvalidArgs Code = iota
	NoSuchUnit
	LoadFailed
	BadUnitSetting
	UnitMasked
	OnlyByDependency
	TransactionJobsConflicting
	TransactionOrderIsCyclic
	TransactionIsDestructive
	JobTypeNotApplicable
	NoIsolation
)

// codes gives each code its D-Bus name and the errno it stands for
// (bus-common-errors.c).
var codes = [...]struct{ name, errno string }{
	InvalidArgs:                {"org.freedesktop.DBus.Error.InvalidArgs", "EINVAL"},
	NoSuchUnit:                 {"org.freedesktop.systemd1.NoSuchUnit", "ENOENT"},
	LoadFailed:                 {"org.freedesktop.systemd1.LoadFailed", "EIO"},
	BadUnitSetting:             {"org.freedesktop.systemd1.BadUnitSetting", "ENOEXEC"},
	UnitMasked:                 {"org.freedesktop.systemd1.UnitMasked", "ERFKILL"},
	OnlyByDependency:           {"org.freedesktop.systemd1.OnlyByDependency", "EINVAL"},
	TransactionJobsConflicting: {"org.freedesktop.systemd1.TransactionJobsConflicting", "EDEADLK"},
	TransactionOrderIsCyclic:   {"org.freedesktop.systemd1.TransactionOrderIsCyclic", "EDEADLK"},
	TransactionIsDestructive:   {"org.freedesktop.systemd1.TransactionIsDestructive", "EDEADLK"},
	JobTypeNotApplicable:       {"org.freedesktop.systemd1.JobTypeNotApplicable", "EBADR"},
	NoIsolation:                {"org.freedesktop.systemd1.NoIsolation", "EPERM"},
}

// Name is the D-Bus error name.
func (c Code) Name() string { return codes[c].name }

// Errno is the symbol of the errno that systemd maps the name to.
func (c Code) Errno() string { return codes[c].errno }

// An Error is a refusal in systemd's words.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(c Code, format string, args ...any) *Error {
	return &Error{c, fmt.Sprintf(format, args...)}
}

// A Level is a syslog priority.
type Level uint8

const (
	LevelError   Level = 3
	LevelWarning Level = 4
	LevelNotice  Level = 5
	LevelInfo    Level = 6
)

// A Message is a line for the log. It belongs to a unit unless Unit is empty.
type Message struct {
	Level Level
	Unit  string
	Text  string
}

// String is the line as systemd writes it, the unit's name before it.
func (m Message) String() string {
	if m.Unit == "" {
		return m.Text
	}
	return m.Unit + ": " + m.Text
}
