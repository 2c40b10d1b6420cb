package bus

import (
	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
)

// What is asked of the manager as a whole.

func setShowStatus(c *call) {
	// No unit's state is ever written to a console here: all modes are as good as "no" (manager_set_show_status).
	switch mode := c.str(0); mode {
	case "", "no", "false", "0", "off", "n", "f", "auto", "error", "temporary", "yes", "true", "1", "on", "y", "t":
		c.reply()
	default:
		c.fail(faultf(faultInvalidArgs, "Invalid show status '%s'", mode))
	}
}

// reload answers when it is over, so that who waits for the answer finds the new state.
func reload(c *call) {
	c.conn.server.Reloading(true)
	c.request(supervise.Request{Verb: supervise.VerbDaemonReload}, func(supervise.Reply) {
		c.conn.server.Reloading(false)
		c.reply()
	})
}

// reexecute is not answered: the connection ends instead (method_reexecute).
func reexecute(c *call) {
	c.silent = true
	c.reply()
	c.Reexecute()
}

const (
	verbExit     = supervise.VerbExit
	verbReboot   = supervise.VerbReboot
	verbPowerOff = supervise.VerbPoweroff
	verbHalt     = supervise.VerbHalt
)

// objective ends the manager at once, without stopping anything first: what `systemctl --force` asks for. The orderly way is to
// start a target.
func objective(c *call, verb supervise.Verb) {
	c.request(supervise.Request{Verb: verb, Force: true, Status: c.Info().ExitCode}, func(supervise.Reply) { c.reply() })
}

// setEnvironment takes variables away and then sets others: all of it or nothing.
func setEnvironment(c *call, unset, set []string) {
	c.request(supervise.Request{Verb: supervise.VerbSetEnvironment, Unset: unset, Assignments: set}, func(supervise.Reply) { c.reply() })
}

// enqueueMarked makes jobs for all units that were marked by SetProperties (org.freedesktop.systemd1(5), EnqueueMarkedJobs).
func enqueueMarked(c *call) {
	list := []dbus.ObjectPath{}
	var marked []*supervise.Unit
	for _, u := range c.Machine().Units() {
		if u.Markers != 0 {
			marked = append(marked, u)
		}
	}
	var failed bool
	var next func(i int)
	next = func(i int) {
		switch {
		case i < len(marked):
		case failed:
			c.fail(&fault{faultFailed, "Failed to enqueue some jobs, see logs for details"})
			return
		default:
			c.reply(list)
			return
		}
		reload := marked[i].Markers&supervise.NeedsRestart == 0
		c.Request(supervise.Request{
			Verb: supervise.VerbEnqueue, Unit: marked[i].Name, Mode: graph.ModeFail, JobType: graph.JobTryRestart, ReloadIfPossible: reload,
		}, func(r supervise.Reply) {
			if r.Failure != nil {
				failed = true
			} else {
				list = append(list, jobPath(r.Job))
				c.track(r.Job)
			}
			next(i + 1)
		})
	}
	next(0)
}

// subscribe has nothing to do on the private socket: who is connected is told (method_subscribe in src/core/dbus-manager.c).
func subscribe(c *call) {
	switch l := c.conn.link; {
	case l == nil:
	case l.subscribed[c.sender]:
		c.fail(&fault{systemd1 + ".AlreadySubscribed", "Client is already subscribed."})
		return
	default:
		l.subscribed[c.sender] = true
	}
	c.reply()
}

func unsubscribe(c *call) {
	switch l := c.conn.link; {
	case l == nil:
	case !l.subscribed[c.sender]:
		c.fail(&fault{systemd1 + ".NotSubscribed", "Client is not subscribed."})
		return
	default:
		delete(l.subscribed, c.sender)
	}
	c.reply()
}
