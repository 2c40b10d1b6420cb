package loop

import (
	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn"
)

// Command is the command of the command line, which runs in the foreground: with the container's own standard streams, its terminal and
// the signals as they were inherited.
type Command struct {
	Unit      string
	Inherited early.State
	terminal  bool // standard input is the controlling terminal of a session that this process leads
}

// NewCommand is the command of a unit.
func NewCommand(name string, s early.State) *Command {
	c := &Command{Unit: name, Inherited: s}
	if sid, err := unix.Getsid(0); err == nil && sid == unix.Getpid() {
		_, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
		c.terminal = err == nil
	}
	return c
}

func (c *Command) foreground() *spawn.Foreground {
	return &spawn.Foreground{Signals: c.Inherited, Terminal: c.terminal}
}
