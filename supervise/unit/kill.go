package unit

// KillMode is KillMode= (systemd.kill(5)): which processes a stop reaches.
type KillMode uint8

// The kill modes.
const (
	KillControlGroup KillMode = iota
	KillProcess
	KillMixed
	KillNone
)

var killModeWords = words{"control-group", "process", "mixed", "none"}

func (m KillMode) String() string { return killModeWords.of(uint8(m)) }

// KillContext says how a unit's processes are ended (systemd.kill(5)).
type KillContext struct {
	Mode              KillMode
	KillSignal        Signal
	RestartKillSignal Signal // 0: KillSignal; see RestartSignal
	FinalKillSignal   Signal
	WatchdogSignal    Signal
	SendSIGKILL       bool
	SendSIGHUP        bool
}

// RestartSignal is the signal of a stop that is part of a restart.
func (k *KillContext) RestartSignal() Signal {
	if k.RestartKillSignal != 0 {
		return k.RestartKillSignal
	}
	return k.KillSignal
}
