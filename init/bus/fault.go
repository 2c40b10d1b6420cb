package bus

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise"
)

// A fault is an error as a client gets it: a D-Bus error name and systemd's text.
type fault struct{ name, text string }

func (f *fault) Error() string { return f.text }

func faultf(name, format string, args ...any) *fault {
	return &fault{name, fmt.Sprintf(format, args...)}
}

// The names of the errors (bus-common-errors.h, sd-bus-errors(3)).
const (
	dbusError            = "org.freedesktop.DBus.Error."
	faultFailed          = dbusError + "Failed"
	faultInvalidArgs     = dbusError + "InvalidArgs"
	faultNotSupported    = dbusError + "NotSupported"
	faultUnknownObject   = dbusError + "UnknownObject"
	faultUnknownIface    = dbusError + "UnknownInterface"
	faultUnknownMethod   = dbusError + "UnknownMethod"
	faultUnknownProperty = dbusError + "UnknownProperty"
	faultReadOnly        = dbusError + "PropertyReadOnly"
	faultAccessDenied    = dbusError + "AccessDenied"
	faultFileNotFound    = dbusError + "FileNotFound"

	faultNoSuchUnit        = systemd1 + ".NoSuchUnit"
	faultNoUnitForPID      = systemd1 + ".NoUnitForPID"
	faultNoUnitForInvoc    = systemd1 + ".NoUnitForInvocationID"
	faultUnitExists        = systemd1 + ".UnitExists"
	faultLoadFailed        = systemd1 + ".LoadFailed"
	faultBadUnitSetting    = systemd1 + ".BadUnitSetting"
	faultUnitMasked        = systemd1 + ".UnitMasked"
	faultNoSuchJob         = systemd1 + ".NoSuchJob"
	faultOnlyByDependency  = systemd1 + ".OnlyByDependency"
	faultNotReferenced     = systemd1 + ".NotReferenced"
	faultNoSuchDynamicUser = systemd1 + ".NoSuchDynamicUser"
	faultScopeNotRunning   = systemd1 + ".ScopeNotRunning"
)

// errnoFaults are the error numbers that have a D-Bus name (errno_to_bus_error_name_new in src/libsystemd/sd-bus/bus-error.c).
var errnoFaults = map[unix.Errno]string{
	unix.EPERM: faultAccessDenied, unix.EACCES: faultAccessDenied, unix.EINVAL: faultInvalidArgs, unix.ENOENT: faultFileNotFound,
	unix.EEXIST: dbusError + "FileExists", unix.ENOMEM: dbusError + "NoMemory", unix.EIO: dbusError + "IOError",
	unix.EOPNOTSUPP: faultNotSupported, unix.ETIMEDOUT: dbusError + "Timeout", unix.ENOBUFS: dbusError + "LimitsExceeded",
}

// asFault gives any error a name.
func asFault(err error) *fault {
	switch e := err.(type) {
	case *fault:
		return e
	case *supervise.Failure:
		return &fault{e.Name, e.Message}
	}
	var no unix.Errno
	if !errors.As(err, &no) {
		return &fault{faultFailed, clean(err.Error())}
	}
	text := no.Error()
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:] // as strerror(3) has it
	}
	if name, ok := errnoFaults[no]; ok {
		return &fault{name, text}
	}
	return &fault{"System.Error." + unix.ErrnoName(no), text}
}
