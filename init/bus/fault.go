package bus

import (
	"fmt"

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
	faultUnitGenerated     = systemd1 + ".UnitGenerated"
	faultUnitLinked        = systemd1 + ".UnitLinked"
	faultUnitBadPath       = systemd1 + ".UnitBadPath"
	faultNoSuchJob         = systemd1 + ".NoSuchJob"
	faultOnlyByDependency  = systemd1 + ".OnlyByDependency"
	faultNotReferenced     = systemd1 + ".NotReferenced"
	faultNoSuchDynamicUser = systemd1 + ".NoSuchDynamicUser"
	faultScopeNotRunning   = systemd1 + ".ScopeNotRunning"
)

// asFault gives any error a name.
func asFault(err error) *fault {
	switch e := err.(type) {
	case *fault:
		return e
	case *supervise.Failure:
		return &fault{e.Name, e.Message}
	}
	return &fault{faultFailed, err.Error()}
}
