package boot

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
	"keelson/init/unitfiles"
)

// files are the unit files of this machine, as D-Bus clients change them.
type files struct{ root *unitfiles.Root }

func newUnitFiles() bus.UnitFiles { return files{unitfiles.New("/")} }

// answer gives an error the name that clients know it by.
func answer(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return bus.ErrNoUnitFile
	}
	return err
}

func (f files) List(states, patterns []string) ([]bus.UnitFile, error) {
	var wanted []unitfiles.State
	for s := unitfiles.Enabled; s <= unitfiles.Bad; s++ {
		if slices.Contains(states, s.String()) {
			wanted = append(wanted, s)
		}
	}
	if len(states) > 0 && len(wanted) == 0 {
		return nil, nil // nothing is in a state that there is not
	}
	found, err := f.root.List(wanted, patterns)
	var list []bus.UnitFile
	for _, u := range found {
		list = append(list, bus.UnitFile{Path: u.Path, State: u.State.String()})
	}
	return list, answer(err)
}

func (f files) State(name string) (string, error) {
	s, err := f.root.State(name)
	if err != nil {
		return "", answer(err)
	}
	return s.String(), nil
}

func (f files) Preset(name string) (string, error) {
	p, err := f.root.PresetOf(name)
	return p, answer(err)
}

func (f files) Links(name string, runtime bool) ([]string, error) {
	list, err := f.root.Links(name, runtime)
	return list, answer(err)
}

func (f files) DefaultTarget() (string, error) {
	name, err := f.root.GetDefault()
	return name, answer(err)
}

func (f files) Apply(op bus.FileOp) (bus.FileResult, error) {
	o := unitfiles.Options{Runtime: op.Runtime, Force: op.Force}
	mode, ok := unitfiles.ParsePresetMode(op.Mode)
	if op.Mode == "" {
		mode, ok = unitfiles.PresetFull, true
	}
	if !ok {
		return bus.FileResult{}, unix.EINVAL
	}
	var changes []unitfiles.Change
	var carries bool
	var err error
	switch op.Verb {
	case bus.FileEnable:
		changes, carries, err = f.root.Enable(op.Names, o)
	case bus.FileDisable:
		changes, err = f.root.Disable(op.Names, o)
	case bus.FileReenable:
		changes, carries, err = f.root.Reenable(op.Names, o)
	case bus.FileLink:
		changes, err = f.root.Link(op.Names, o)
	case bus.FilePreset:
		changes, carries, err = f.root.Preset(op.Names, mode, o)
	case bus.FilePresetAll:
		changes, err = f.root.PresetAll(mode, o)
	case bus.FileMask:
		changes, err = f.root.Mask(op.Names, o)
	case bus.FileUnmask:
		changes, err = f.root.Unmask(op.Names, o)
	case bus.FileRevert:
		changes, err = f.root.Revert(op.Names, o)
	case bus.FileAddDependency:
		kind := unitfiles.Wants
		if op.Requires {
			kind = unitfiles.Requires
		}
		changes, err = f.root.AddDependency(op.Names, op.Target, kind, o)
	case bus.FileSetDefault:
		if len(op.Names) == 1 {
			changes, err = f.root.SetDefault(op.Names[0], o)
		}
	}
	if refusal := unitfiles.Refusal(changes, err); refusal != nil {
		return bus.FileResult{}, refusal
	}
	result := bus.FileResult{CarriesInstall: carries}
	for _, c := range changes {
		if c.Type != unitfiles.Failed {
			result.Changes = append(result.Changes, bus.FileChange{Kind: c.Type.String(), Path: c.Path, Source: c.Source})
		}
	}
	return result, nil
}
