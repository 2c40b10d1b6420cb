package unit

// Type is the type of a unit; it is the suffix of the unit's name (systemd.unit(5)).
type Type uint8

// The unit types. Only services, sockets, targets, timers and paths live; the others are known by name, parsed, and inert
// in a container.
const (
	TypeInvalid Type = iota
	TypeService
	TypeSocket
	TypeTarget
	TypeTimer
	TypePath
	TypeMount
	TypeAutomount
	TypeSwap
	TypeDevice
	TypeSlice
	TypeScope
)

var typeWords = words{"", "service", "socket", "target", "timer", "path", "mount", "automount", "swap", "device", "slice", "scope"}

// Types lists all unit types in order.
func Types() []Type {
	return []Type{TypeService, TypeSocket, TypeTarget, TypeTimer, TypePath, TypeMount, TypeAutomount, TypeSwap, TypeDevice, TypeSlice, TypeScope}
}

func (t Type) String() string { return typeWords.of(uint8(t)) }

// Suffix is the ending of the names of units of this type, with its dot.
func (t Type) Suffix() string { return "." + t.String() }

// Section is the name of the type's own section in unit files, or "" where it has none (targets, devices).
func (t Type) Section() string {
	switch t {
	case TypeService:
		return "Service"
	case TypeSocket:
		return "Socket"
	case TypeTimer:
		return "Timer"
	case TypePath:
		return "Path"
	case TypeMount:
		return "Mount"
	case TypeAutomount:
		return "Automount"
	case TypeSwap:
		return "Swap"
	case TypeSlice:
		return "Slice"
	case TypeScope:
		return "Scope"
	}
	return ""
}

// HasExec tells whether units of this type carry an ExecContext and a KillContext (systemd.exec(5)).
func (t Type) HasExec() bool {
	return t == TypeService || t == TypeSocket || t == TypeMount || t == TypeSwap
}

// HasKill tells whether units of this type carry a KillContext (systemd.kill(5)).
func (t Type) HasKill() bool { return t.HasExec() || t == TypeScope }

// HasCgroup tells whether units of this type carry a CgroupContext (systemd.resource-control(5)).
func (t Type) HasCgroup() bool { return t.HasKill() || t == TypeSlice }

// HasTrigger tells whether units of this type start another one: Unit.Triggers names it (systemd.socket(5), .timer(5), .path(5),
// .automount(5)).
func (t Type) HasTrigger() bool {
	return t == TypeSocket || t == TypeTimer || t == TypePath || t == TypeAutomount
}

// MayTemplate tells whether units of this type may be templates (src/basic/unit-name.c).
func (t Type) MayTemplate() bool {
	return t == TypeService || t == TypeSocket || t == TypeTarget || t == TypeTimer || t == TypePath
}

// MayAlias tells whether units of this type may have several names (src/basic/unit-name.c).
func (t Type) MayAlias() bool {
	return t == TypeService || t == TypeSocket || t == TypeTarget || t == TypeDevice || t == TypeTimer || t == TypePath
}
