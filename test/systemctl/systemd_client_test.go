package systemctl

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// A client is go-systemd's, connected to a manager as systemctl is: by the manager's own socket, as root.
type client struct {
	*systemd.Conn
	ctx context.Context
}

// asClient is the environment variable that makes this program carry out the calls and print what comes of them. It does so in the container: real
// systemd talks to nobody whose process it cannot see.
const asClient = "KEELSON_TEST_CLIENT"

func carryOut() error {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	conn, err := systemd.NewConnection(func() (*dbus.Conn, error) {
		d, err := dbus.Dial("unix:path=/run/systemd/private")
		if err != nil {
			return nil, err
		}
		if err := d.Auth([]dbus.Auth{dbus.AuthExternal("0")}); err != nil {
			d.Close()
			return nil, err
		}
		return d, nil
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	if !conn.Connected() {
		return errors.New("it is not connected")
	}
	for _, k := range calls {
		v, err := k.do(client{conn, ctx})
		text := fmt.Sprint(v)
		if list, ok := v.([]string); ok {
			text = strings.Join(list, "\n")
		}
		if err != nil {
			text = err.Error()
			var e dbus.Error
			if errors.As(err, &e) {
				text = e.Name + ": " + text
			}
		}
		if _, err := fmt.Print(text + "\x00"); err != nil {
			return err
		}
	}
	return nil
}

// A call is of the methods that it names, and gives what is compared.
type call struct {
	methods string
	do      func(c client) (any, error)
}

// nothing is what a method without results gives.
func nothing(err error) (any, error) { return "", err }

func of[T any](v T, err error) (any, error) { return v, err }

// job calls a method that makes a job, and waits for its result.
func job(name string, do func(c client, unit, mode string, ch chan<- string) (int, error)) []call {
	one := func(unit, mode string) call {
		return call{name, func(c client) (any, error) {
			ch := make(chan string, 1)
			id, err := do(c, unit, mode, ch)
			if err != nil {
				return nil, err
			}
			if id <= 0 {
				return nil, fmt.Errorf("the job's number is %d", id)
			}
			select {
			case result := <-ch:
				return result, nil
			case <-c.ctx.Done():
				return nil, c.ctx.Err()
			}
		}}
	}
	return []call{
		one("ape.service", "replace"), one("ape.service", "fail"), one("ape-fails.service", "replace"), one("ape-needs.service", "replace"),
		one("ape-hidden.service", "replace"), one("ape-if.service", "replace"), one("nope.service", "replace"), one("zoo-masked.service", "replace"),
		one("zoo-bad.service", "replace"), one("ape.service", "nonsense"), one("not a unit", "replace"),
	}
}

// ofApes is what a list has of the units that this test makes.
func ofApes[T any](list []T, err error) (any, error) {
	var lines []string
	for _, u := range list {
		if text := fmt.Sprintf("%+v", u); strings.Contains(text, "ape") {
			lines = append(lines, text)
		}
	}
	slices.Sort(lines)
	return lines, err
}

// properties are written as systemctl show does, more or less.
func properties(list map[string]any, err error) (any, error) {
	var lines []string
	for name, value := range list {
		switch v := value.(type) {
		case []string:
			value = strings.Join(v, " ")
		case dbus.ObjectPath:
			value = string(v)
		}
		lines = append(lines, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(lines)
	return lines, err
}

var calls = slices.Concat(
	[]call{
		{"GetManagerProperty", func(c client) (any, error) { return of(c.GetManagerProperty("DefaultStandardOutput")) }},
		{"GetManagerProperty", func(c client) (any, error) { return of(c.GetManagerProperty("Nonsense")) }},
		{"Subscribe", func(c client) (any, error) { return nothing(c.Subscribe()) }},
		{"Subscribe", func(c client) (any, error) { return nothing(c.Subscribe()) }},
		{"ResetFailedUnitContext", func(c client) (any, error) { return nothing(c.ResetFailedUnitContext(c.ctx, "zoo-fail.service")) }},
		{"ResetFailedUnitContext", func(c client) (any, error) { return nothing(c.ResetFailedUnitContext(c.ctx, "nope.service")) }},
		{"SystemStateContext", func(c client) (any, error) { return of(c.SystemStateContext(c.ctx)) }},
	},
	job("StartUnitContext", func(c client, u, m string, ch chan<- string) (int, error) { return c.StartUnitContext(c.ctx, u, m, ch) }),
	job("ReloadUnitContext", func(c client, u, m string, ch chan<- string) (int, error) {
		return c.ReloadUnitContext(c.ctx, u, m, ch)
	}),
	job("StopUnitContext", func(c client, u, m string, ch chan<- string) (int, error) { return c.StopUnitContext(c.ctx, u, m, ch) }),
	job("TryRestartUnitContext", func(c client, u, m string, ch chan<- string) (int, error) {
		return c.TryRestartUnitContext(c.ctx, u, m, ch)
	}),
	job("ReloadOrTryRestartUnitContext", func(c client, u, m string, ch chan<- string) (int, error) {
		return c.ReloadOrTryRestartUnitContext(c.ctx, u, m, ch)
	}),
	job("RestartUnitContext", func(c client, u, m string, ch chan<- string) (int, error) {
		return c.RestartUnitContext(c.ctx, u, m, ch)
	}),
	job("ReloadOrRestartUnitContext", func(c client, u, m string, ch chan<- string) (int, error) {
		return c.ReloadOrRestartUnitContext(c.ctx, u, m, ch)
	}),
	[]call{
		{"ListUnitsContext", func(c client) (any, error) { return ofApes(c.ListUnitsContext(c.ctx)) }},
		{"ListUnitsFilteredContext", func(c client) (any, error) {
			return ofApes(c.ListUnitsFilteredContext(c.ctx, []string{"failed", "running"}))
		}},
		{"ListUnitsByPatternsContext", func(c client) (any, error) {
			return ofApes(c.ListUnitsByPatternsContext(c.ctx, []string{"active"}, []string{"ape*"}))
		}},
		{"ListUnitsByPatternsContext", func(c client) (any, error) { return of(c.ListUnitsByPatternsContext(c.ctx, nil, []string{"nope*"})) }},
		{"ListUnitsByNamesContext", func(c client) (any, error) {
			return ofApes(c.ListUnitsByNamesContext(c.ctx, []string{"ape.service", "ape-none.service"}))
		}},
		{"ListUnitsByNamesContext", func(c client) (any, error) { return of(c.ListUnitsByNamesContext(c.ctx, []string{"not a unit"})) }},
		{"ListUnitFilesContext", func(c client) (any, error) { return ofApes(c.ListUnitFilesContext(c.ctx)) }},
		{"ListUnitFilesByPatternsContext", func(c client) (any, error) {
			return ofApes(c.ListUnitFilesByPatternsContext(c.ctx, []string{"disabled"}, []string{"ape*"}))
		}},

		{"GetAllPropertiesContext", func(c client) (any, error) { return properties(c.GetAllPropertiesContext(c.ctx, "ape.service")) }},
		{"GetAllPropertiesContext", func(c client) (any, error) { return properties(c.GetAllPropertiesContext(c.ctx, "ape-clock.timer")) }},
		{"GetAllPropertiesContext", func(c client) (any, error) { return properties(c.GetAllPropertiesContext(c.ctx, "nope.service")) }},
		{"GetUnitPropertiesContext", func(c client) (any, error) { return properties(c.GetUnitPropertiesContext(c.ctx, "ape.target")) }},
		{"GetUnitPropertiesContext", func(c client) (any, error) { return properties(c.GetUnitPropertiesContext(c.ctx, "not a unit")) }},
		{"GetUnitPathPropertiesContext", func(c client) (any, error) {
			return properties(c.GetUnitPathPropertiesContext(c.ctx, "/org/freedesktop/systemd1/unit/ape_2dnet_2esocket"))
		}},
		{"GetUnitPathPropertiesContext", func(c client) (any, error) {
			return properties(c.GetUnitPathPropertiesContext(c.ctx, "/org/freedesktop/systemd1/unit/a"))
		}},
		{"GetUnitTypePropertiesContext", func(c client) (any, error) {
			return properties(c.GetUnitTypePropertiesContext(c.ctx, "ape-net.socket", "Socket"))
		}},
		{"GetUnitTypePropertiesContext", func(c client) (any, error) {
			return properties(c.GetUnitTypePropertiesContext(c.ctx, "ape-net.socket", "Service"))
		}},
		{"GetUnitPropertyContext", func(c client) (any, error) { return of(c.GetUnitPropertyContext(c.ctx, "ape.service", "Description")) }},
		{"GetUnitPropertyContext", func(c client) (any, error) { return of(c.GetUnitPropertyContext(c.ctx, "ape.service", "Nonsense")) }},
		{"GetServicePropertyContext", func(c client) (any, error) {
			return of(c.GetServicePropertyContext(c.ctx, "ape.service", "KillSignal"))
		}},
		{"GetUnitTypePropertyContext", func(c client) (any, error) {
			return of(c.GetUnitTypePropertyContext(c.ctx, "ape-clock.timer", "Timer", "RemainAfterElapse"))
		}},
		{"SetUnitPropertiesContext", func(c client) (any, error) {
			return nothing(c.SetUnitPropertiesContext(c.ctx, "ape.service", true, systemd.Property{Name: "CPUWeight", Value: dbus.MakeVariant(uint64(70))}))
		}},
		{"GetServicePropertyContext", func(c client) (any, error) { return of(c.GetServicePropertyContext(c.ctx, "ape.service", "CPUWeight")) }},
		{"SetUnitPropertiesContext", func(c client) (any, error) {
			return nothing(c.SetUnitPropertiesContext(c.ctx, "ape.service", true, systemd.Property{Name: "Type", Value: dbus.MakeVariant("oneshot")}))
		}},
		{"SetUnitPropertiesContext", func(c client) (any, error) {
			return nothing(c.SetUnitPropertiesContext(c.ctx, "ape.service", true, systemd.PropDescription("Another")))
		}},
		{"GetUnitPropertyContext", func(c client) (any, error) { return of(c.GetUnitPropertyContext(c.ctx, "ape.service", "Description")) }},

		{"GetUnitByPID", func(c client) (any, error) {
			return withMain(c, func(pid uint32) (any, error) { return of(c.GetUnitByPID(c.ctx, pid)) })
		}},
		{"GetUnitNameByPID", func(c client) (any, error) {
			return withMain(c, func(pid uint32) (any, error) { return of(c.GetUnitNameByPID(c.ctx, pid)) })
		}},
		{"GetUnitByPID", func(c client) (any, error) { return of(c.GetUnitByPID(c.ctx, 4194000)) }},
		{"AttachProcessesToUnit", func(c client) (any, error) {
			return withMain(c, func(pid uint32) (any, error) {
				return nothing(c.AttachProcessesToUnit(c.ctx, "zoo-run.service", "", []uint32{pid}))
			})
		}},
		{"FreezeUnit", func(c client) (any, error) { return nothing(c.FreezeUnit(c.ctx, "nope.service")) }},
		{"ThawUnit", func(c client) (any, error) { return nothing(c.ThawUnit(c.ctx, "nope.service")) }},
		{"FreezeUnit", func(c client) (any, error) { return nothing(c.FreezeUnit(c.ctx, "ape-clock.timer")) }},
		{"ThawUnit", func(c client) (any, error) { return nothing(c.ThawUnit(c.ctx, "ape-clock.timer")) }},

		{"EnableUnitFilesContext", func(c client) (any, error) {
			carries, changes, err := c.EnableUnitFilesContext(c.ctx, []string{"ape.service"}, false, false)
			return fmt.Sprint(carries, changes), err
		}},
		{"EnableUnitFilesContext", func(c client) (any, error) {
			carries, changes, err := c.EnableUnitFilesContext(c.ctx, []string{"nope.service"}, false, false)
			return fmt.Sprint(carries, changes), err
		}},
		{"EnableUnitFilesContext", func(c client) (any, error) {
			carries, changes, err := c.EnableUnitFilesContext(c.ctx, []string{"ape-other.service"}, true, true)
			return fmt.Sprint(carries, changes), err
		}},
		{"DisableUnitFilesContext", func(c client) (any, error) {
			return ofApes(c.DisableUnitFilesContext(c.ctx, []string{"ape.service"}, false))
		}},
		{"DisableUnitFilesContext", func(c client) (any, error) {
			return of(c.DisableUnitFilesContext(c.ctx, []string{"nope.service"}, false))
		}},
		{"LinkUnitFilesContext", func(c client) (any, error) {
			return of(c.LinkUnitFilesContext(c.ctx, []string{"/root/ape-linked.service"}, false, false))
		}},
		{"LinkUnitFilesContext", func(c client) (any, error) {
			return of(c.LinkUnitFilesContext(c.ctx, []string{"/root/nope.service"}, true, false))
		}},
		{"MaskUnitFilesContext", func(c client) (any, error) {
			return of(c.MaskUnitFilesContext(c.ctx, []string{"ape-none.service"}, true, false))
		}},
		{"MaskUnitFilesContext", func(c client) (any, error) {
			return of(c.MaskUnitFilesContext(c.ctx, []string{"ape.service"}, false, false))
		}},
		{"UnmaskUnitFilesContext", func(c client) (any, error) {
			return of(c.UnmaskUnitFilesContext(c.ctx, []string{"ape-none.service"}, true))
		}},
		{"ReloadContext", func(c client) (any, error) { return nothing(c.ReloadContext(c.ctx)) }},

		{"ListJobsContext StartUnitContext", func(c client) (any, error) {
			if _, err := c.StartUnitContext(c.ctx, "ape-waits.service", "replace", nil); err != nil {
				return nil, err
			}
			list, err := c.ListJobsContext(c.ctx)
			for i := range list {
				list[i].Id, list[i].JobPath, list[i].Status = 0, "", "" // whether it has begun depends on the time
			}
			return ofApes(list, err)
		}},
		{"KillUnitWithTarget", func(c client) (any, error) {
			return nothing(c.KillUnitWithTarget(c.ctx, "nope.service", systemd.All, 15))
		}},
		{"KillUnitWithTarget", func(c client) (any, error) {
			return nothing(c.KillUnitWithTarget(c.ctx, "ape.target", systemd.Main, 15))
		}},
		{"KillUnitWithTarget", func(c client) (any, error) {
			return nothing(c.KillUnitWithTarget(c.ctx, "ape.service", systemd.Control, 15))
		}},
		{"KillUnitWithTarget", func(c client) (any, error) {
			return nothing(c.KillUnitWithTarget(c.ctx, "ape.service", systemd.Main, 1000))
		}},
		{"KillUnitWithTarget", func(c client) (any, error) {
			return until(c, "ape.service", "failed", func() error { return c.KillUnitWithTarget(c.ctx, "ape.service", systemd.Main, 9) })
		}},
		{"KillUnitContext ResetFailedUnitContext", func(c client) (any, error) {
			return until(c, "zoo-drop.service", "inactive", func() error { c.KillUnitContext(c.ctx, "zoo-drop.service", 15); return nil })
		}},
		{"StartTransientUnitContext", func(c client) (any, error) {
			return transient(c, "ape-brief.service", systemd.PropExecStart([]string{"/bin/true"}, false), systemd.PropType("oneshot"), systemd.PropRemainAfterExit(true),
				systemd.PropDescription("Brief"), systemd.PropSlice("system.slice"), systemd.PropWants("ape-once.service"), systemd.PropAfter("ape-once.service"))
		}},
		{"GetUnitPropertyContext", func(c client) (any, error) {
			return of(c.GetUnitPropertyContext(c.ctx, "ape-brief.service", "FragmentPath"))
		}},
		{"GetUnitPropertyContext", func(c client) (any, error) {
			return of(c.GetUnitPropertyContext(c.ctx, "ape-brief.service", "Transient"))
		}},
		{"StartTransientUnitContext", func(c client) (any, error) {
			return transient(c, "ape-brief.service", systemd.PropExecStart([]string{"/bin/true"}, false))
		}},
		{"StartTransientUnitContext", func(c client) (any, error) {
			return transient(c, "ape-none.service", systemd.Property{Name: "Nonsense", Value: dbus.MakeVariant(1)})
		}},
		{"StartTransientUnitContext", func(c client) (any, error) {
			return transient(c, "ape.service", systemd.PropExecStart([]string{"/bin/true"}, false))
		}},
		{"StartTransientUnitAux", func(c client) (any, error) {
			ch := make(chan string, 1)
			_, err := c.StartTransientUnitAux(c.ctx, "ape-later.timer", "fail", []systemd.Property{{Name: "OnActiveSec", Value: dbus.MakeVariant(uint64(3600e6))}},
				[]systemd.PropertyCollection{{Name: "ape-later.service", Properties: []systemd.Property{systemd.PropExecStart([]string{"/bin/true"}, false)}}}, ch)
			if err != nil {
				return nil, err
			}
			return <-ch, nil
		}},
		{"StopUnitContext", func(c client) (any, error) {
			for _, u := range []string{"ape-brief.service", "ape-later.timer", "ape-slow.service"} {
				ch := make(chan string, 1)
				if _, err := c.StopUnitContext(c.ctx, u, "replace", ch); err != nil {
					return nil, err
				}
				if result := <-ch; result != "done" {
					return u + " " + result, nil
				}
			}
			return "all", nil
		}},

		{"SetSubStateSubscriber", func(c client) (any, error) {
			ch := make(chan *systemd.SubStateUpdate, 1000)
			c.SetSubStateSubscriber(ch, make(chan error, 1000))
			defer c.SetSubStateSubscriber(nil, nil)
			return changes(c, func() (string, bool) {
				select {
				case u := <-ch:
					return u.SubState, u.UnitName == "ape-other.service"
				case <-c.ctx.Done():
					return c.ctx.Err().Error(), true
				}
			})
		}},
		{"SetPropertiesSubscriber", func(c client) (any, error) {
			ch := make(chan *systemd.PropertiesUpdate, 1000)
			c.SetPropertiesSubscriber(ch, make(chan error, 1000))
			defer c.SetPropertiesSubscriber(nil, nil)
			return changes(c, func() (string, bool) {
				select {
				case u := <-ch:
					state, ok := u.Changed["SubState"].Value().(string)
					return state, ok && u.UnitName == "ape-other.service"
				case <-c.ctx.Done():
					return c.ctx.Err().Error(), true
				}
			})
		}},
		{"SubscribeUnitsCustomContext SubscribeUnitsContext", func(c client) (any, error) {
			ctx, cancel := context.WithCancel(c.ctx)
			defer cancel()
			ch, failed := c.SubscribeUnitsCustomContext(ctx, time.Millisecond, 1000, func(a, b *systemd.UnitStatus) bool { return *a != *b },
				func(name string) bool { return name != "ape-other.service" })
			return changes(c, func() (string, bool) { return status(c.ctx, ch, failed) })
		}},
		{"NewSubscriptionSet", func(c client) (any, error) {
			ctx, cancel := context.WithCancel(c.ctx)
			defer cancel()
			set := c.NewSubscriptionSet()
			set.Add("ape-other.service")
			ch, failed := set.SubscribeContext(ctx)
			return changes(c, func() (string, bool) { return status(c.ctx, ch, failed) })
		}},
		{"Unsubscribe", func(c client) (any, error) { return nothing(c.Unsubscribe()) }},
		{"Unsubscribe", func(c client) (any, error) { return nothing(c.Unsubscribe()) }},
	})

// changes stops a unit, starts it and stops it again, and gives the last states that are told of, one by one as they are waited for.
func changes(c client, next func() (string, bool)) (any, error) {
	var seen []string
	for _, start := range []bool{true, false} {
		ch := make(chan string, 1)
		do, want := c.StopUnitContext, []string{"dead", "gone"}
		if start {
			do, want = c.StartUnitContext, []string{"running"}
		}
		if _, err := do(c.ctx, "ape-other.service", "replace", ch); err != nil {
			return nil, err
		}
		result := <-ch
		for {
			state, ours := next()
			if ours && slices.Contains(want, state) {
				seen = append(seen, result+", "+want[0])
				break
			}
			if c.ctx.Err() != nil {
				return seen, c.ctx.Err()
			}
		}
	}
	return seen, nil
}

// status is the state that a subscription to the list of units tells of; "gone" for a unit that is in it no longer.
func status(ctx context.Context, ch <-chan map[string]*systemd.UnitStatus, failed <-chan error) (string, bool) {
	select {
	case units := <-ch:
		if u, ok := units["ape-other.service"]; ok && u == nil {
			return "gone", true
		} else if ok {
			return u.SubState, true
		}
		return "", false
	case err := <-failed:
		return err.Error(), true
	case <-ctx.Done():
		return ctx.Err().Error(), true
	}
}

func transient(c client, name string, list ...systemd.Property) (any, error) {
	ch := make(chan string, 1)
	if _, err := c.StartTransientUnitContext(c.ctx, name, "fail", list, ch); err != nil {
		return nil, err
	}
	return <-ch, nil
}

// withMain starts a service and gives its main process.
func withMain(c client, do func(pid uint32) (any, error)) (any, error) {
	ch := make(chan string, 1)
	if _, err := c.StartUnitContext(c.ctx, "ape-other.service", "replace", ch); err != nil {
		return nil, err
	}
	<-ch
	pid, err := c.GetServicePropertyContext(c.ctx, "ape-other.service", "MainPID")
	if err != nil {
		return nil, err
	}
	return do(pid.Value.Value().(uint32))
}

// until does something that leads to a state, and starts the unit again. That a process has ended is told by no answer.
func until(c client, unit, state string, do func() error) (any, error) {
	if err := do(); err != nil {
		return nil, err
	}
	for c.ctx.Err() == nil {
		p, err := c.GetUnitPropertyContext(c.ctx, unit, "ActiveState")
		if err != nil {
			return nil, err
		}
		if p.Value.Value() == state {
			ch := make(chan string, 1)
			if _, err := c.StartUnitContext(c.ctx, unit, "replace", ch); err != nil {
				return nil, err
			}
			return state + ", " + <-ch, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, c.ctx.Err()
}

// The units of the calls are the first lines of the script of changes.
func apes(t *testing.T, real, ours container) {
	t.Helper()
	lines := []string{"set -e", prelude}
	for _, l := range script(t, "testdata/change.txt") {
		if strings.HasPrefix(l, "unit ") {
			lines = append(lines, l)
		}
	}
	lines = append(lines, "systemctl daemon-reload", "systemctl start ape-clock.timer ape-net.socket zoo-drop.service ape.target")
	do := func(text string) {
		each(t, real, ours, func(c container) error {
			_, err := c.run(t, text)
			return err
		})
	}
	do(strings.Join(lines, "\n"))
	t.Cleanup(func() {
		do("systemctl stop 'ape*'; systemctl revert ape.service; rm -rf /etc/systemd/system/*ape* /etc/systemd/system/*/ape* /etc/systemd/system/monkey.service /run/systemd/system/*ape* /run/systemd/system/*/ape* /root/ape*; systemctl daemon-reload; systemctl reset-failed 'ape*'; true")
	})
}

// commands are what properties tell of a run of a command.
var commands = regexp.MustCompile(`(\[/\S+ \[[^\]]*\] \S+)( \d+){7}\]`)

// TestClient calls each method of go-systemd's client.
func TestClient(t *testing.T) {
	real, ours := both(t)
	apes(t, real, ours)
	called := map[string]bool{"Close": true, "Connected": true}
	for _, k := range calls {
		for name := range strings.FieldsSeq(k.methods) {
			called[name] = true
		}
	}
	conn := reflect.TypeFor[*systemd.Conn]()
	for i := range conn.NumMethod() {
		name := conn.Method(i).Name
		if _, other := conn.MethodByName(name + "Context"); !called[name] && !other { // which is the same with a context
			t.Errorf("%s is not called", name)
		}
	}

	answers := map[container][]string{}
	var mu sync.Mutex
	each(t, real, ours, func(m container) error {
		out, err := m.run(t, asClient+"=1 exec /opt/client")
		if err != nil {
			return err
		}
		list := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
		if len(list) != len(calls) {
			return fmt.Errorf("%d answers to %d calls", len(list), len(calls))
		}
		for i, text := range list {
			list[i] = mask(commands.ReplaceAllString(text, "$1 N]"))
		}
		mu.Lock()
		defer mu.Unlock()
		answers[m] = list
		return nil
	})
	for i, k := range calls {
		if got, want := allow(k.methods, answers[ours][i]), allow(k.methods, answers[real][i]); got != want {
			t.Errorf("call %d, %s:\n%s", i, k.methods, diff(got, want))
		}
	}
	t.Logf("%d calls", len(calls))
}
