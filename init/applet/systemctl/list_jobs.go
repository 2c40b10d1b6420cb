package systemctl

import (
	"strconv"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// jobs reads a list of jobs.
func jobs(r *manager.Reply) ([]sd.JobStatus, error) {
	var list []sd.JobStatus
	err := r.Store(&list)
	return list, err
}

func (c *ctl) listJobs(_ string, patterns []string) int {
	return c.withManager(func(m *manager.Conn) int {
		r, err := m.Manager("ListJobs")
		if err != nil {
			return c.Fail("Failed to list jobs: %s", manager.Text(err))
		}
		all, err := jobs(r)
		if err != nil {
			return c.Fail("Failed to parse bus message: %s", applet.Cause(err))
		}
		shown := all[:0:0]
		for _, j := range all {
			if matchesAny(patterns, j.Unit) {
				shown = append(shown, j)
			}
		}
		c.page()
		if len(shown) > 0 {
			c.printJobs(m, shown)
		} else if c.hasLegend() {
			what := "running"
			if len(all) > 0 {
				what = "listed"
			}
			c.Puts(c.Paint(applet.HighlightGreen, "No jobs "+what+"."))
		}
		return 0
	})
}

func (c *ctl) printJobs(m *manager.Conn, list []sd.JobStatus) {
	t := applet.Table{Header: []string{"job", "unit", "type", "state"}, NoHeader: !c.hasLegend(), Full: c.full}
	for _, j := range list {
		colour := applet.NoColour
		if j.Status == "running" {
			colour = applet.Highlight
		}
		t.Add(applet.Text(strconv.FormatUint(uint64(j.Id), 10)), applet.Cell{Text: j.Unit, Colour: colour}, applet.Text(j.JobType),
			applet.Cell{Text: j.Status, Colour: colour})
		if c.jobsAfter {
			c.addWaiting(m, &t, j.Id, "GetJobAfter", "blocking job")
		}
		if c.jobsBefore {
			c.addWaiting(m, &t, j.Id, "GetJobBefore", "waiting for job")
		}
	}
	t.Print(c.Host)
	if c.hasLegend() {
		c.Printf("\n%s%d jobs listed%s.\n", c.Colour(applet.Highlight), len(list), c.Colour(applet.Normal))
	}
}

// addWaiting adds a row for each job that is ordered before or after one. Where the manager does not tell, there are none.
func (c *ctl) addWaiting(m *manager.Conn, t *applet.Table, id uint32, method, prefix string) {
	r, err := m.Manager(method, id)
	if err != nil {
		c.Debugf("Failed to get waiting jobs for job %d", id)
		return
	}
	others, err := jobs(r)
	if err != nil {
		c.Errorf("Failed to parse bus message: %s", applet.Cause(err))
		return
	}
	for _, o := range others {
		row := "\t" + prefix + " " + strconv.FormatUint(uint64(o.Id), 10) + " (" + o.Unit + "/" + o.JobType + ")"
		empty := applet.Cell{Empty: true, Colour: applet.NoColour}
		t.Add(applet.Text(c.Glyph(applet.TreeRight)), applet.Text(row), empty, empty)
	}
}

func (c *ctl) cancel(name string, args []string) int {
	if len(args) == 0 {
		return c.trivial(name, args)
	}
	return c.withManager(func(m *manager.Conn) int {
		status := 0
		for _, a := range args {
			id, err := strconv.ParseUint(a, 10, 32)
			if err != nil {
				return c.Fail("Failed to parse job id \"%s\": %s", a, numberError(err))
			}
			if _, err := m.Manager("CancelJob", uint32(id)); err != nil {
				status = c.Fail("Failed to cancel job %d: %s", id, manager.Text(err))
			}
		}
		return status
	})
}
