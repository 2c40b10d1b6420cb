package unit

import "fmt"

// CommandKind is one of the Exec*= directives: a list of command lines that a unit runs at one point of its life.
type CommandKind uint8

// The command kinds. Services have all but ExecStopPre; sockets have ExecStartPre, ExecStartPost, ExecStopPre and ExecStopPost.
const (
	ExecCondition CommandKind = iota
	ExecStartPre
	ExecStart
	ExecStartPost
	ExecReload
	ExecStop
	ExecStopPost
	ExecStopPre
)

// CommandKinds is the number of command kinds, for arrays indexed by them.
const CommandKinds = int(ExecStopPre) + 1

var commandWords = words{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost", "ExecStopPre"}

func (k CommandKind) String() string { return commandWords.of(uint8(k)) }

// MarshalText and UnmarshalText keep the kind by its name.
func (k CommandKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText: see MarshalText.
func (k *CommandKind) UnmarshalText(b []byte) error {
	i, ok := commandWords.find(string(b))
	if !ok {
		return fmt.Errorf("%q is none of %q", b, []string(commandWords))
	}
	*k = CommandKind(i)
	return nil
}

// Commands are a unit's command lines by kind, each list in the order in which it runs.
type Commands [CommandKinds][]Command

// CommandFlags are the prefixes of a command line (systemd.service(5), "Special executable prefixes"): a set.
type CommandFlags uint8

const (
	// IgnoreFailure is "-": a failure of the command is recorded but counts as success.
	IgnoreFailure CommandFlags = 1 << iota
	// NoEnvExpand is ":": no environment variables are expanded.
	NoEnvExpand
	// FullyPrivileged is "+": User=, Group=, capabilities and the sandbox are left off.
	FullyPrivileged
	// NoSetuid is "!": User=, Group= and SupplementaryGroups= are left off, the rest holds.
	NoSetuid
	// AmbientMagic is "!!": like NoSetuid where the kernel has no ambient capabilities, without effect where it has.
	AmbientMagic
)

// Command is one command line, specifiers expanded, variables not: ExpandArgv does that when it runs.
type Command struct {
	Path  string   // absolute and simplified, or a plain file name to be searched in ExecSearchPath= or the built-in path
	Argv  []string // never empty; Argv[0] is Path as written unless "@" gave another
	Flags CommandFlags
}
