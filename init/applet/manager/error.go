package manager

import (
	"errors"
	"syscall"

	"keelson/init/applet"
)

// Error is an error reply.
type Error struct {
	Name, Message string
}

func (e *Error) Error() string {
	switch {
	case e.Name == AccessDenied:
		return "Access denied" // D-Bus daemons say more than anybody wants to know
	case e.Message != "":
		return e.Message
	}
	return applet.Errno(e.Errno())
}

// Unwrap is the error number that systemd's client makes of an error's name.
func (e *Error) Unwrap() error { return e.Errno() }

// The names of errors that programs tell apart.
const (
	AccessDenied             = "org.freedesktop.DBus.Error.AccessDenied"
	NotSupported             = "org.freedesktop.DBus.Error.NotSupported"
	UnknownMethod            = "org.freedesktop.DBus.Error.UnknownMethod"
	NoSuchUnit               = "org.freedesktop.systemd1.NoSuchUnit"
	LoadFailed               = "org.freedesktop.systemd1.LoadFailed"
	UnitMasked               = "org.freedesktop.systemd1.UnitMasked"
	OnlyByDependency         = "org.freedesktop.systemd1.OnlyByDependency"
	NoIsolation              = "org.freedesktop.systemd1.NoIsolation"
	JobTypeNotApplicable     = "org.freedesktop.systemd1.JobTypeNotApplicable"
	TransactionIsDestructive = "org.freedesktop.systemd1.TransactionIsDestructive"
)

// numbers are the error numbers behind names (bus_standard_errors of bus-error.c, bus_common_errors of bus-common-errors.c): those that
// a manager or a bus sends.
var numbers = map[string]syscall.Errno{
	"org.freedesktop.DBus.Error.Failed":         syscall.EACCES,
	"org.freedesktop.DBus.Error.NoMemory":       syscall.ENOMEM,
	"org.freedesktop.DBus.Error.ServiceUnknown": syscall.EHOSTUNREACH,
	"org.freedesktop.DBus.Error.NameHasNoOwner": syscall.ENXIO,
	"org.freedesktop.DBus.Error.NoReply":        syscall.ETIMEDOUT,
	"org.freedesktop.DBus.Error.IOError":        syscall.EIO,
	NotSupported:                                syscall.EOPNOTSUPP,
	"org.freedesktop.DBus.Error.LimitsExceeded": syscall.ENOBUFS,
	AccessDenied:                                  syscall.EACCES,
	"org.freedesktop.DBus.Error.AuthFailed":       syscall.EACCES,
	"org.freedesktop.DBus.Error.Timeout":          syscall.ETIMEDOUT,
	"org.freedesktop.DBus.Error.TimedOut":         syscall.ETIMEDOUT,
	"org.freedesktop.DBus.Error.Disconnected":     syscall.ECONNRESET,
	"org.freedesktop.DBus.Error.InvalidArgs":      syscall.EINVAL,
	"org.freedesktop.DBus.Error.FileNotFound":     syscall.ENOENT,
	"org.freedesktop.DBus.Error.FileExists":       syscall.EEXIST,
	UnknownMethod:                                 syscall.EBADR,
	"org.freedesktop.DBus.Error.UnknownObject":    syscall.EBADR,
	"org.freedesktop.DBus.Error.UnknownInterface": syscall.EBADR,
	"org.freedesktop.DBus.Error.UnknownProperty":  syscall.EBADR,
	"org.freedesktop.DBus.Error.PropertyReadOnly": syscall.EROFS,
	NoSuchUnit:                                     syscall.ENOENT,
	"org.freedesktop.systemd1.NoUnitForPID":        syscall.ESRCH,
	"org.freedesktop.systemd1.UnitExists":          syscall.EEXIST,
	LoadFailed:                                     syscall.EIO,
	"org.freedesktop.systemd1.BadUnitSetting":      syscall.ENOEXEC,
	"org.freedesktop.systemd1.NoSuchJob":           syscall.ENOENT,
	OnlyByDependency:                               syscall.EINVAL,
	TransactionIsDestructive:                       syscall.EDEADLK,
	UnitMasked:                                     syscall.ERFKILL,
	"org.freedesktop.systemd1.UnitGenerated":       syscall.EADDRNOTAVAIL,
	"org.freedesktop.systemd1.UnitLinked":          syscall.ELOOP,
	JobTypeNotApplicable:                           syscall.EBADR,
	NoIsolation:                                    syscall.EPERM,
	"org.freedesktop.systemd1.ShuttingDown":        syscall.ECANCELED,
	"org.freedesktop.systemd1.DiskFull":            syscall.ENOSPC,
	"org.freedesktop.login1.OperationInProgress":   syscall.EINPROGRESS,
	"org.freedesktop.login1.SleepVerbNotSupported": syscall.EOPNOTSUPP,
}

// Errno is the error number behind the error's name, EIO for a name that has none.
func (e *Error) Errno() syscall.Errno {
	if n, ok := numbers[e.Name]; ok {
		return n
	}
	return syscall.EIO
}

// Is tells whether err is an error reply of one of the names.
func Is(err error, names ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range names {
		if e.Name == n {
			return true
		}
	}
	return false
}

// Refused tells an error reply from a failure of the connection.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// Text is what a person is told of an error: the manager's text, else the C library's for the error number.
func Text(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return applet.Cause(err)
}
