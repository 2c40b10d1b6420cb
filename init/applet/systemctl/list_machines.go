package systemctl

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

func hostname() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "localhost"
	}
	return unix.ByteSliceToString(u.Nodename[:])
}

// listMachines lists this machine: containers in a container are nobody's machines.
func (c *ctl) listMachines(_ string, patterns []string) int {
	return c.withManager(func(m *manager.Conn) int {
		t := applet.Table{Header: []string{"", "name", "state", "failed", "jobs"}, Hidden: []bool{c.plain}}
		missing := false
		if name := hostname(); matchesAny(patterns, name) {
			p, err := m.GetAll(manager.Root, manager.Interface)
			missing = err != nil
			state, sign, colour := p.String("SystemState"), " ", applet.NoColour
			switch state {
			case "running":
			case "degraded":
				sign, colour = c.Glyph(applet.BlackCircle), applet.HighlightRed
			default:
				sign, colour = c.Glyph(applet.BlackCircle), applet.HighlightYellow
			}
			if state == "" {
				state = "n/a"
			}
			failed, failedColour := p.Uint32("NFailedUnits"), applet.NoColour
			if failed > 0 {
				failedColour = applet.HighlightRed
			}
			t.Add(applet.Cell{Text: sign, Colour: colour}, applet.Text(name+" (host)"), applet.Cell{Text: state, Colour: colour},
				applet.Cell{Text: strconv.FormatUint(uint64(failed), 10), Colour: failedColour, JSON: failed},
				applet.Cell{Text: strconv.FormatUint(uint64(p.Uint32("NJobs")), 10), Colour: applet.NoColour, JSON: p.Uint32("NJobs")})
		}
		c.page()
		c.table(&t)
		if c.hasLegend() {
			c.Print("\n")
			if missing && os.Geteuid() != 0 {
				c.Puts("Notice: some information only available to privileged users was not shown.")
			}
			c.Printf("%d machines listed.\n", len(t.Rows))
		}
		return 0
	})
}
