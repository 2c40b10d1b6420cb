package unitfiles

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise"
)

// A ChangeType is what a Change is about. Its String is the word of D-Bus.
type ChangeType uint8

// The change types. All but Failed are good news or remarks.
const (
	Failed ChangeType = iota
	Symlink
	Unlink
	IsMasked
	IsMaskedGenerator
	IsDangling
	DestinationNotPresent
	AuxiliaryFailed
)

var changeTypes = [...]string{"failed", "symlink", "unlink", "masked", "masked by generator", "dangling", "destination not present", "auxiliary unit failed"}

func (t ChangeType) String() string { return changeTypes[t] }

// A Change is one thing that was done or could not be done. Path is the link, the file, the unit or the setting; Source where a link leads. Paths of links
// start with the root directory.
type Change struct {
	Type   ChangeType
	Errno  unix.Errno // of Failed
	Path   string
	Source string
}

// A Line is what systemctl prints, on standard error. Priority is syslog's: 3 is an error, 4 a warning, 6 is left out with --quiet.
type Line struct {
	Priority int
	Text     string
}

// Lines are what systemctl prints about the changes of a verb ("enable", "set default"), and about an err that no change explains (install_changes_dump).
func Lines(verb string, changes []Change, err error) []Line {
	var list []Line
	failed := false
	for _, c := range changes {
		list = append(list, c.line(verb))
		failed = failed || c.Type == Failed
	}
	if err != nil && !failed {
		list = append(list, Line{3, fmt.Sprintf("Failed to %s: %s.", verb, errnoText(errnoOf(err)))})
	}
	return list
}

func (c Change) line(verb string) Line {
	switch c.Type {
	case Symlink:
		return Line{6, fmt.Sprintf("Created symlink %s → %s.", c.Path, c.Source)}
	case Unlink:
		return Line{6, fmt.Sprintf("Removed \"%s\".", c.Path)}
	case IsMasked:
		return Line{6, fmt.Sprintf("Unit %s is masked, ignoring.", c.Path)}
	case IsMaskedGenerator:
		return Line{6, fmt.Sprintf("Unit %s is masked via a generator and cannot be unmasked.", c.Path)}
	case IsDangling:
		return Line{6, fmt.Sprintf("Unit %s is an alias to a unit that is not present, ignoring.", c.Path)}
	case DestinationNotPresent:
		return Line{4, fmt.Sprintf("Unit %s is added as a dependency to a non-existent unit %s.", c.Source, c.Path)}
	case AuxiliaryFailed:
		return Line{4, fmt.Sprintf("Failed to enable auxiliary unit %s, ignoring.", c.Path)}
	}
	return Line{3, fmt.Sprintf("Failed to %s ", verb) + c.words(0)}
}

// The names of the errors on D-Bus (src/libsystemd/sd-bus/bus-common-errors.h).
const (
	noSuchUnit     = "org.freedesktop.systemd1.NoSuchUnit"
	unitExists     = "org.freedesktop.systemd1.UnitExists"
	unitMasked     = "org.freedesktop.systemd1.UnitMasked"
	unitGenerated  = "org.freedesktop.systemd1.UnitGenerated"
	unitLinked     = "org.freedesktop.systemd1.UnitLinked"
	unitBadPath    = "org.freedesktop.systemd1.UnitBadPath"
	badUnitSetting = "org.freedesktop.systemd1.BadUnitSetting"
)

// refusals are the failures that have words of their own, for systemctl (install_changes_dump) and for D-Bus (install_error in src/core/dbus-manager.c).
// Those with a source come first.
var refusals = []struct {
	errno  unix.Errno
	source bool
	name   string
	texts  [2]string // %[1]s is the path, %[2]s the source
}{
	{unix.EEXIST, true, unitExists, [2]string{"unit, file \"%[1]s\" already exists and is a symlink to \"%[2]s\".", "File %[1]s already exists and is a symlink to %[2]s."}},
	{unix.EEXIST, false, unitExists, [2]string{"unit, file \"%[1]s\" already exists.", "File %[1]s already exists."}},
	{unix.ERFKILL, false, unitMasked, [2]string{"unit, unit %[1]s is masked.", "Unit file %[1]s is masked."}},
	{unix.EADDRNOTAVAIL, false, unitGenerated, [2]string{"unit, unit %[1]s is transient or generated.", "Unit %[1]s is transient or generated."}},
	{unix.ETXTBSY, false, unitBadPath, [2]string{"unit, file %[1]s is under the systemd unit hierarchy already.", "File %[1]s is under the systemd unit hierarchy already."}},
	{unix.EBADSLT, false, badUnitSetting, [2]string{"unit, invalid specifier in \"%[1]s\".", "Invalid specifier in %[1]s."}},
	{unix.EIDRM, false, badUnitSetting, [2]string{"%[2]s, destination unit %[1]s is a non-template unit.", "Destination unit %[1]s is a non-template unit."}},
	{unix.EUCLEAN, false, badUnitSetting, [2]string{"unit, \"%[1]s\" is not a valid unit name.", "\"%[1]s\" is not a valid unit name."}},
	{unix.ELOOP, false, unitLinked, [2]string{"unit, refusing to operate on linked unit file %[1]s.", "Refusing to operate on alias name or linked unit file: %[1]s"}},
	{unix.EXDEV, true, badUnitSetting, [2]string{"unit, cannot alias %[2]s as %[1]s.", "Cannot alias %[2]s as %[1]s."}},
	{unix.EXDEV, false, badUnitSetting, [2]string{"unit, invalid unit reference \"%[1]s\".", "Invalid unit reference %[1]s."}},
	{unix.ENOENT, false, noSuchUnit, [2]string{"unit, unit %[1]s does not exist.", "Unit file %[1]s does not exist."}},
	{unix.EUNATCH, false, badUnitSetting, [2]string{"unit, cannot resolve specifiers in \"%[1]s\".", "Cannot resolve specifiers in %[1]s."}},
}

// words describes a failure, for systemctl (0) or for D-Bus (1).
func (c Change) words(who int) string {
	for _, r := range refusals {
		if r.errno == c.Errno && (!r.source || c.Source != "") {
			return fmt.Sprintf(r.texts[who], c.Path, c.Source)
		}
	}
	if who == 0 {
		return fmt.Sprintf("unit, file \"%s\": %s", c.Path, errnoText(c.Errno))
	}
	return fmt.Sprintf("File %s: %s", c.Path, errnoText(c.Errno))
}

func (c Change) failure() *supervise.Failure {
	for _, r := range refusals {
		if r.errno == c.Errno {
			return &supervise.Failure{Name: r.name, Message: c.words(1)}
		}
	}
	return &supervise.Failure{Name: errnoName(c.Errno), Message: c.words(1)}
}

// Refusal is the error that D-Bus answers with: the first failure, if the operation failed as a whole (err) or nothing of it succeeded; nil otherwise
// (reply_install_changes_and_free in src/core/dbus-manager.c).
func Refusal(changes []Change, err error) *supervise.Failure {
	var first *supervise.Failure
	good := false
	for _, c := range changes {
		if c.Type != Failed {
			good = true
		} else if first == nil {
			first = c.failure()
		}
	}
	switch {
	case err == nil && (good || first == nil):
		return nil
	case first != nil:
		return first
	}
	return &supervise.Failure{Name: errnoName(errnoOf(err)), Message: errnoText(errnoOf(err))}
}

// Modified tells whether links changed, so that the manager has to be told (install_changes_have_modification).
func Modified(changes []Change) bool {
	for _, c := range changes {
		if c.Type == Symlink || c.Type == Unlink {
			return true
		}
	}
	return false
}

// busErrors are the error numbers that have a name on D-Bus (errno_to_bus_error_name_new in src/libsystemd/sd-bus/bus-error.c).
var busErrors = map[unix.Errno]string{
	unix.EPERM: "AccessDenied", unix.EACCES: "AccessDenied", unix.EINVAL: "InvalidArgs", unix.ENOENT: "FileNotFound", unix.EEXIST: "FileExists",
	unix.ENOMEM: "NoMemory", unix.EIO: "IOError", unix.EOPNOTSUPP: "NotSupported", unix.ETIMEDOUT: "Timeout", unix.ETIME: "Timeout",
	unix.EADDRNOTAVAIL: "BadAddress", unix.ENOBUFS: "LimitsExceeded", unix.EADDRINUSE: "AddressInUse", unix.EBADMSG: "InconsistentMessage",
}

func errnoName(no unix.Errno) string {
	if name, ok := busErrors[no]; ok {
		return "org.freedesktop.DBus.Error." + name
	}
	return "System.Error." + unix.ErrnoName(no)
}

// errnoText is the C library's words for an error number.
func errnoText(no unix.Errno) string {
	s := no.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// errnoOf finds the number in an error of the standard library's; what has none is EIO.
func errnoOf(err error) unix.Errno {
	var no unix.Errno
	if errors.As(err, &no) {
		return no
	}
	return unix.EIO
}
