// Package facts knows the machine: what Condition*= and Assert*= ask about (systemd.unit(5), "Conditions and Asserts"), what specifiers stand for, and
// which container this is. It also keeps the small files that systemd keeps for units: the stamps of timers, and their directories.
//
// Everything is asked of the kernel and the file system at the time of the question, with nothing cached but what cannot change while the
// manager runs. Questions may be asked from any goroutine.
//
// A question that has no answer, as its parameter is malformed or the kernel refuses, makes systemd count the condition as
// failed, whether it is negated or not (condition_test_list in src/shared/condition.c).
package facts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Options say whose facts are asked for.
type Options struct {
	Environment func() []string // what ConditionEnvironment= looks into: the manager's block; nil: this process's environment
	Root        string          // another root directory, for tests; "" is the real one
	ReadOnly    bool            // change nothing: where no machine id is kept, there is none
}

// Facts answers questions about the machine.
type Facts struct {
	environment func() []string
	root        string
	firstBoot   bool
	populating  bool // ConditionFirstBoot= holds
	machineID   string
	notices     []string
}

// New looks around. Unless ReadOnly it may write /etc/machine-id: see setMachineID.
func New(o Options) *Facts {
	f := &Facts{environment: o.Environment, root: o.Root}
	if f.environment == nil {
		f.environment = os.Environ
	}
	f.setMachineID(o.ReadOnly)
	return f
}

// Notices are what was missing, a line each.
func (f *Facts) Notices() []string { return f.notices }

// FirstBoot says that this is the first boot as machine-id(5), "First Boot Semantics", has it.
func (f *Facts) FirstBoot() bool { return f.firstBoot }

// firstBootFlag is there during a first boot, for others to see.
const firstBootFlag = "/run/systemd/first-boot"

// BeginBoot has ConditionFirstBoot= hold until Booted, if this is a first boot (manager_set_first_boot in src/core/manager.c).
func (f *Facts) BeginBoot() {
	if f.populating = f.firstBoot; !f.populating {
		os.Remove(f.at(firstBootFlag))
		return
	}
	_ = os.WriteFile(f.at(firstBootFlag), nil, 0o644) // without a /run it holds for the manager's units alone
}

// Booted ends a first boot.
func (f *Facts) Booted() {
	f.populating = false
	os.Remove(f.at(firstBootFlag))
}

// at is where a path is below the root.
func (f *Facts) at(path string) string { return f.root + path }

// exists tells whether there is something at a path, followed to its end (access(2) with F_OK).
func (f *Facts) exists(path string) bool { return unix.Access(f.at(path), unix.F_OK) == nil }

// read reads a small file.
func (f *Facts) read(path string) (string, error) {
	text, err := os.ReadFile(f.at(path))
	return string(text), err
}

// line is the first line of a file, without white space around it; "" if it cannot be read.
func (f *Facts) line(path string) string {
	text, _ := f.read(path)
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// field is what follows "NAME:" in a file of such lines.
func (f *Facts) field(path, name string) (string, bool) {
	text, _ := f.read(path)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// errParameter is for a parameter that asks nothing that could be answered.
var errParameter = errors.New("invalid parameter")

// A question is what one type of condition asks.
type question func(f *Facts, parameter string) (bool, error)

// sure is a question that always has an answer.
func sure(q func(f *Facts, parameter string) bool) question {
	return func(f *Facts, parameter string) (bool, error) { return q(f, parameter), nil }
}

var questions = map[unit.ConditionType]question{
	unit.ConditionArchitecture:           sure((*Facts).isArchitecture),
	unit.ConditionFirmware:               (*Facts).isFirmware,
	unit.ConditionVirtualization:         sure((*Facts).isVirtualization),
	unit.ConditionHost:                   sure((*Facts).isHost),
	unit.ConditionKernelCommandLine:      sure((*Facts).onCommandLine),
	unit.ConditionKernelVersion:          (*Facts).isKernel,
	unit.ConditionCredential:             sure((*Facts).hasCredential),
	unit.ConditionSecurity:               sure((*Facts).hasSecurity),
	unit.ConditionCapability:             (*Facts).hasCapability,
	unit.ConditionACPower:                (*Facts).isPower,
	unit.ConditionMemory:                 (*Facts).isMemory,
	unit.ConditionCPUs:                   (*Facts).isCPUs,
	unit.ConditionEnvironment:            sure((*Facts).inEnvironment),
	unit.ConditionCPUFeature:             sure((*Facts).hasCPUFeature),
	unit.ConditionOSRelease:              (*Facts).isOSRelease,
	unit.ConditionMemoryPressure:         pressure("memory"),
	unit.ConditionCPUPressure:            pressure("cpu"),
	unit.ConditionIOPressure:             pressure("io"),
	unit.ConditionNeedsUpdate:            sure((*Facts).needsUpdate),
	unit.ConditionFirstBoot:              (*Facts).isFirstBoot,
	unit.ConditionPathExists:             sure((*Facts).exists),
	unit.ConditionPathExistsGlob:         sure((*Facts).existsGlob),
	unit.ConditionPathIsDirectory:        sure((*Facts).isDirectory),
	unit.ConditionPathIsSymbolicLink:     sure((*Facts).isSymbolicLink),
	unit.ConditionPathIsMountPoint:       sure((*Facts).isMountPoint),
	unit.ConditionPathIsReadWrite:        sure((*Facts).isReadWrite),
	unit.ConditionPathIsEncrypted:        sure((*Facts).isEncrypted),
	unit.ConditionDirectoryNotEmpty:      sure((*Facts).directoryNotEmpty),
	unit.ConditionFileNotEmpty:           sure((*Facts).fileNotEmpty),
	unit.ConditionFileIsExecutable:       sure((*Facts).fileIsExecutable),
	unit.ConditionUser:                   sure((*Facts).isUser),
	unit.ConditionGroup:                  sure((*Facts).isGroup),
	unit.ConditionControlGroupController: (*Facts).hasController,
}

// Held says for each condition whether what it asks about is so, before its negation. One that cannot be answered gets what makes
// it fail.
func (f *Facts) Held(list []unit.Condition) []bool {
	held := make([]bool, len(list))
	for i, c := range list {
		held[i] = c.Negate
		if q := questions[c.Type]; q != nil {
			if holds, err := q(f, c.Parameter); err == nil {
				held[i] = holds
			}
		}
	}
	return held
}

// inEnvironment: "NAME" is set, or "NAME=VALUE" exactly so.
func (f *Facts) inEnvironment(parameter string) bool { return assigned(f.environment(), parameter) }

// assigned finds a word "NAME" or "NAME=VALUE" in assignments; a NAME without one matches a word NAME too.
func assigned(list []string, parameter string) bool {
	for _, a := range list {
		name, _, _ := strings.Cut(a, "=")
		if a == parameter || name == parameter && !strings.Contains(parameter, "=") {
			return true
		}
	}
	return false
}

// hasCredential looks into the directories that were passed to the manager (systemd.exec(5), "Credentials").
func (f *Facts) hasCredential(name string) bool {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") || len(name) > 255 {
		return false
	}
	for _, variable := range []string{"CREDENTIALS_DIRECTORY", "ENCRYPTED_CREDENTIALS_DIRECTORY"} {
		if dir := os.Getenv(variable); dir != "" && f.exists(filepath.Join(dir, name)) {
			return true
		}
	}
	return false
}

// isFirstBoot compares with a boolean.
func (f *Facts) isFirstBoot(parameter string) (bool, error) {
	want, ok := unit.ParseBoolean(parameter)
	if !ok {
		return false, errParameter
	}
	return (f.populating || f.exists(firstBootFlag)) == want, nil
}
