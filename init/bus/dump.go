package bus

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/graph"
)

// dump is what systemd-analyze dump shows: all units whose names match, with their states and dependencies, and all jobs. It is for
// people to read; its form is nobody's interface.
func dump(c *call, patterns []string) string {
	var b strings.Builder
	m := c.Machine()
	if len(patterns) == 0 {
		i := c.Info()
		fmt.Fprintf(&b, "Manager: %s\nFeatures: %s\nUserspace Timestamp: %d\nFinish Timestamp: %d\n", i.Version, i.Features,
			i.Userspace.Realtime, i.Finish.Realtime)
	}
	for _, u := range m.Units() {
		if matchAny(patterns, u.Name) {
			dumpUnit(&b, c, u)
		}
	}
	if len(patterns) == 0 {
		for _, j := range m.Graph().Jobs() {
			fmt.Fprintf(&b, "-> Job %d:\n\tAction: %s -> %s\n\tState: %s\n\tIrreversible: %t\n", j.ID, m.Graph().Name(j.Unit), j.Type, j.State,
				j.Irreversible)
		}
	}
	return b.String()
}

func dumpUnit(b *strings.Builder, c *call, u *supervise.Unit) {
	m := c.Machine()
	g := m.Graph()
	line := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" {
			fmt.Fprintf(b, "\t%s: %s\n", name, s)
		}
	}
	fmt.Fprintf(b, "-> Unit %s:\n", u.Name)
	line("Description", description(u))
	line("Instance", u.Config.Instance)
	line("Unit Load State", g.Facts(u.ID).Load)
	line("Unit Active State", m.Active(u))
	line("State", m.Sub(u))
	line("Result", u.Result())
	for _, alias := range u.Config.Aliases {
		line("Name", alias)
	}
	line("Invocation ID", u.Invocation)
	line("Fragment Path", u.Config.Fragment)
	for _, d := range u.Config.DropIns {
		line("DropIn Path", d)
	}
	for _, d := range c.Degraded(u.Name) {
		line("Not Applied", d)
	}
	for d := graph.Requires; d <= graph.SliceOf; d++ {
		for _, other := range g.Dependencies(u.ID, d) {
			line(d.String(), g.Name(other))
		}
	}
	if s := u.Service; s != nil {
		line("Main PID", s.Main.PID)
		line("Control PID", s.Control.PID)
		line("Status Text", clean(s.StatusText))
	}
}

// dumpFD gives the same as a file in memory, for what is too long for a message.
func dumpFD(c *call, patterns []string) {
	if !c.conn.fds {
		c.fail(&fault{faultNotSupported, "The connection passes no file descriptors."})
		return
	}
	fd, err := unix.MemfdCreate("dump", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		c.fail(err)
		return
	}
	for text := dump(c, patterns); text != ""; {
		n, err := unix.Write(fd, []byte(text))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			closeFD(fd)
			c.fail(err)
			return
		}
		text = text[n:]
	}
	if _, err := unix.Seek(fd, 0, 0); err != nil {
		closeFD(fd)
		c.fail(err)
		return
	}
	c.replyFD(fd)
}
