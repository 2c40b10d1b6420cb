package bus

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Unit files: what systemctl enable and its kin ask for (src/core/dbus-manager.c, from method_list_unit_files on). All of this runs
// on the connection's goroutine, one operation at a time; the owner only hands out the files and sends the answer.

// runFiles carries a call about unit files out. It reports false when the manager has ended.
func (s *Server) runFiles(c *call) bool {
	root := make(chan UnitFiles, 1)
	if !s.owner.Do(func(m Manager) { root <- m.UnitFiles() }) {
		return false
	}
	select {
	case c.root = <-root:
	case <-c.conn.gone:
		return false
	}
	s.files.Lock()
	defer s.files.Unlock()
	c.method.files(c)
	return true
}

// ErrNoUnitFile is UnitFiles' answer about a unit that has no file. Other errors are unix.Errno, or *supervise.Failure if they have names of
// their own.
var ErrNoUnitFile = errors.New("No such file or directory")

// failFiles gives an error of UnitFiles its D-Bus name.
func (c *call) failFiles(err error) {
	if errors.Is(err, ErrNoUnitFile) {
		err = unix.ENOENT
	}
	c.fail(err)
}

func listFiles(c *call, states, patterns []string) {
	found, err := c.root.List(states, patterns)
	if err != nil {
		c.failFiles(err)
		return
	}
	list := []pair{}
	for _, f := range found {
		list = append(list, pair{f.Path, f.State})
	}
	c.reply(list)
}

func fileStateByName(c *call) {
	state, err := c.root.State(c.str(0))
	if err != nil {
		c.failFiles(err)
		return
	}
	c.reply(state)
}

func defaultTarget(c *call) {
	name, err := c.root.DefaultTarget()
	if err != nil {
		c.failFiles(err)
		return
	}
	c.reply(name)
}

func fileLinks(c *call) {
	links, err := c.root.Links(c.str(0), c.boolean(1))
	if err != nil {
		c.failFiles(err)
		return
	}
	c.reply(texts(links))
}

// The bits of the …WithFlags methods (UNIT_FILE_… in src/shared/install.h).
const (
	flagRuntime  = 1 << 0
	flagForce    = 1 << 1
	flagPortable = 1 << 2
)

// presetModes are the words of presets' modes.
var presetModes = [...]string{"", "full", "enable-only", "disable-only"}

// fileChange makes a method that changes unit files. Its arguments are names, then as many words as given, then either one set of
// flags or "runtime" and, if there is another, "force".
func fileChange(verb FileVerb, words int) func(*call) {
	return func(c *call) {
		op := FileOp{Verb: verb}
		rest := c.args
		switch names := rest[0].(type) {
		case []string:
			op.Names, rest = names, rest[1:]
		case string:
			if verb == FileSetDefault {
				op.Names, rest = []string{names}, rest[1:]
			}
		}
		switch word := func(i int) string { return rest[i].(string) }; words {
		case 1:
			op.Mode = word(0)
			if index(presetModes[:], op.Mode) < 0 {
				c.fail(&fault{faultInvalidArgs, "Invalid argument"})
				return
			}
		case 2:
			op.Target = word(0)
			switch word(1) {
			case "Wants":
			case "Requires":
				op.Requires = true
			default:
				c.fail(&fault{faultInvalidArgs, "Invalid argument"})
				return
			}
		}
		switch rest := rest[words:]; {
		case len(rest) == 0:
		case verb == FileSetDefault:
			op.Force = rest[0].(bool)
		case len(rest) == 2:
			op.Runtime, op.Force = rest[0].(bool), rest[1].(bool)
		default:
			if flags, ok := rest[0].(uint64); ok {
				if flags&^(flagRuntime|flagForce|flagPortable) != 0 {
					c.fail(&fault{faultInvalidArgs, "Invalid argument"})
					return
				}
				op.Runtime, op.Force, op.Portable = flags&flagRuntime != 0, flags&flagForce != 0, flags&flagPortable != 0
			} else {
				op.Runtime = rest[0].(bool)
			}
		}
		c.apply(op)
	}
}

// change is (sss).
type change struct{ Kind, Path, Source string }

func (c *call) apply(op FileOp) {
	r, err := c.root.Apply(op)
	if len(r.Changes) > 0 {
		s := c.conn.server
		s.owner.Do(func(Manager) { s.UnitFilesChanged() })
	}
	if err != nil {
		c.failFiles(err)
		return
	}
	list := []change{}
	for _, x := range r.Changes {
		list = append(list, change{x.Kind, x.Path, x.Source})
	}
	if c.method.out[0] == 'b' {
		// Of a unit that had links to be removed nobody needs to be told that it cannot be enabled.
		c.reply(r.CarriesInstall || op.Verb == FileDisable && len(list) > 0, list)
	} else {
		c.reply(list)
	}
}
