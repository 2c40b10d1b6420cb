package systemctl

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// statusView shows one unit to a person (print_status_info of systemctl-show.c).
type statusView struct {
	*showing
	p manager.Properties
}

// stateColour is the colour of a state that is good or bad.
func stateColour(state string) applet.Colour {
	switch state {
	case "failed":
		return applet.HighlightRed
	case "active", "reloading":
		return applet.HighlightGreen
	}
	return applet.NoColour
}

func enableColour(state string) applet.Colour {
	switch state {
	case "disabled":
		return applet.HighlightYellow
	case "enabled":
		return applet.HighlightGreen
	}
	return applet.NoColour
}

// field prints a line with a heading, which ends in the twelfth column.
func (v *statusView) field(name, format string, args ...any) {
	v.Printf("%11s: ", name)
	v.Printf(format, args...)
	v.Print("\n")
}

func (v *statusView) print() {
	v.head()
	v.loaded()
	v.dropIns()
	v.activeLine()
	v.triggering()
	v.conditions()
	v.details()
	v.commands()
	v.accounting()
	v.group()
	v.log()
	if v.p.Bool("NeedDaemonReload") {
		v.warnChanged(v.p.String("Id"))
	}
}

func (v *statusView) head() {
	id, state := v.p.String("Id"), v.p.String("ActiveState")
	v.Printf("%s %s", v.Paint(stateColour(state), v.stateGlyph(state)), orNA(id))
	if d := v.p.String("Description"); v.p.Has("Description") && d != id {
		v.Printf(" - %s", d)
	}
	v.Print("\n")
	if f := v.p.String("Following"); f != "" {
		v.Printf("    Follows: unit currently follows state of %s\n", f)
	}
}

func (v *statusView) loaded() {
	state := v.p.String("LoadState")
	colour := applet.NoColour
	if contains([]string{"error", "not-found", "bad-setting"}, state) {
		colour = applet.HighlightRed
	}
	text := v.Paint(colour, orNA(state))
	path := v.p.String("SourcePath")
	if path == "" {
		path = v.p.String("FragmentPath")
	}
	if path != "" {
		path = v.FileLink(path, "")
	}
	file := v.p.String("UnitFileState")
	_, failure := v.p.Pair("LoadError")
	switch {
	case failure != "":
		v.field("Loaded", "%s (Reason: %s)", text, failure)
	case path != "" && file != "":
		preset := ""
		if p := v.p.String("UnitFilePreset"); p != "" && hasPreset(file) {
			preset = "; preset: " + v.Paint(enableColour(p), p)
		} else if c := v.Colour(enableColour(p)); c != "" {
			preset = c + v.Colour(applet.Normal) // an empty word, but in colour
		}
		v.field("Loaded", "%s (%s; %s%s)", text, path, v.Paint(enableColour(file), file), preset)
	case path != "":
		v.field("Loaded", "%s (%s)", text, path)
	default:
		v.field("Loaded", "%s", text)
	}
	if v.p.Bool("Transient") {
		v.Print("  Transient: yes\n")
	}
}

// dropIns lists drop-ins by directory, in their order.
func (v *statusView) dropIns() {
	paths := v.p.Strings("DropInPaths")
	for i := 0; i < len(paths); {
		dir := filepath.Dir(paths[i])
		heading := "    Drop-In: "
		if i > 0 {
			heading = "             "
		}
		v.Printf("%s%s\n             %s", heading, dir, v.Glyph(applet.TreeRight))
		for {
			v.Print(v.FileLink(paths[i], filepath.Base(paths[i])))
			i++
			if i == len(paths) || !strings.HasPrefix(paths[i], dir) {
				break
			}
			v.Print(", ")
		}
		v.Print("\n")
	}
}

// activeLine is the state, since when, until when and how long.
func (v *statusView) activeLine() {
	state, sub := v.p.String("ActiveState"), v.p.String("SubState")
	text := orNA(state)
	if sub != "" && sub != state {
		text += " (" + sub + ")"
	}
	v.Printf("     Active: %s", v.Paint(stateColour(state), text))
	if f := v.p.String("FreezerState"); f != "" && f != "running" {
		v.Printf(" %s(%s)%s", v.Colour(applet.HighlightYellow), f, v.Colour(applet.Normal))
	}
	if r := v.p.String("Result"); r != "" && r != "success" {
		v.Printf(" (Result: %s)", r)
	}
	entered, left := v.p.Uint64("ActiveEnterTimestamp", 0), v.p.Uint64("ActiveExitTimestamp", 0)
	since := left
	switch state {
	case "active", "reloading":
		since = entered
	case "inactive", "failed":
		since = v.p.Uint64("InactiveEnterTimestamp", 0)
	case "activating":
		since = v.p.Uint64("InactiveExitTimestamp", 0)
	}
	if unset(since) {
		v.Print("\n")
		return
	}
	v.Printf(" since %s; %s\n", v.timestampText(since), v.relative(since))
	if limit := v.p.Uint64("RuntimeMaxUSec", math.MaxUint64); state == "active" && limit != math.MaxUint64 {
		until := since + limit
		if until < since {
			until = math.MaxUint64
		}
		v.field("Until", "%s; %s", orNull(v.timestampText(until)), orNull(v.relative(until)))
	}
	ended := state == "inactive" || state == "failed"
	if ended && !strings.HasSuffix(v.p.String("Id"), ".target") && !unset(entered) && !unset(left) && left >= entered {
		v.field("Duration", "%s", spanText(left-entered, calendar.Millisecond))
	}
}

// triggering shows what starts the unit, when it starts something, and what.
func (v *statusView) triggering() {
	heading := "TriggeredBy:"
	for _, t := range v.p.Strings("TriggeredBy") {
		state, err := v.activeState(v.m, t)
		if err != nil {
			state = ""
		}
		v.Printf("%s %s %s\n", heading, v.Paint(stateColour(state), v.stateGlyph(state)), t)
		heading = "            "
	}
	if strings.HasSuffix(v.p.String("Id"), ".timer") {
		next := v.nextElapse(v.p.Uint64("NextElapseUSecRealtime", 0), v.p.Uint64("NextElapseUSecMonotonic", 0))
		if unset(next) {
			v.field("Trigger", "n/a")
		} else {
			v.field("Trigger", "%s; %s", v.timestampText(next), v.relative(next))
		}
	}
	heading = "   Triggers:"
	for _, t := range v.p.Strings("Triggers") {
		state, err := v.activeState(v.m, t)
		if err != nil {
			state = ""
		}
		v.Printf("%s %s %s\n", heading, v.Paint(stateColour(state), v.Glyph(applet.BlackCircle)), t)
		heading = "            "
	}
}

// condition is a condition or assertion and how it went: below 0 it did not hold.
type condition struct {
	name, param     string
	trigger, negate bool
	state           int32
}

func (c condition) String() string {
	s := c.name + "="
	if c.trigger {
		s += "|"
	}
	if c.negate {
		s += "!"
	}
	return s + c.param
}

// failedOf are the conditions of a property that did not hold, in the order the manager has them.
func (v *statusView) failedOf(property string) []condition {
	var failed []condition
	for _, r := range v.p.Rows(property) {
		if typesOf(r) != "sbbsi" {
			continue
		}
		c := condition{r[0].(string), r[3].(string), r[1].(bool), r[2].(bool), r[4].(int32)}
		if c.state < 0 {
			failed = append(failed, c)
		}
	}
	return failed
}

func (v *statusView) conditions() {
	if at := v.p.Uint64("ConditionTimestamp", 0); at > 0 && !v.p.Bool("ConditionResult") {
		v.Printf("  Condition: start %scondition failed%s at %s; %s\n", v.Colour(applet.HighlightYellow), v.Colour(applet.Normal),
			orNull(v.timestampText(at)), orNull(v.relative(at)))
		failed := v.failedOf("Conditions")
		for i := len(failed) - 1; i >= 0; i-- { // the manager has the last first
			branch := applet.TreeBranch
			if i == 0 {
				branch = applet.TreeRight
			}
			v.Printf("             %s %s was not met\n", v.Glyph(branch), failed[i])
		}
	}
	if at := v.p.Uint64("AssertTimestamp", 0); at > 0 && !v.p.Bool("AssertResult") {
		v.Printf("     Assert: start %sassertion failed%s at %s; %s\n", v.Colour(applet.HighlightRed), v.Colour(applet.Normal),
			orNull(v.timestampText(at)), orNull(v.relative(at)))
		var shown *condition
		for _, c := range v.failedOf("Asserts") {
			if !c.trigger || shown == nil {
				shown = &c
			}
		}
		switch {
		case shown == nil:
		case shown.trigger:
			v.Print("             none of the trigger assertions were met\n")
		default:
			shown.trigger = false
			v.Printf("             %s was not met\n", shown)
		}
	}
}

// details are the lines that some types of units have.
func (v *statusView) details() {
	for _, d := range []struct{ name, property string }{{"Device", "SysFSPath"}, {"Where", "Where"}, {"What", "What"}} {
		if s := v.p.String(d.property); v.p.Has(d.property) && s != "" {
			v.field(d.name, "%s", s)
		}
	}
	heading := "Docs:"
	for _, d := range v.p.Strings("Documentation") {
		v.Printf("   %9s %s\n", heading, v.Link(d, ""))
		heading = ""
	}
	heading = "Listen:"
	for _, r := range v.p.Rows("Listen") {
		if typesOf(r) == "ss" {
			v.Printf("   %9s %s (%s)\n", heading, r[1], r[0])
			heading = ""
		}
	}
	if v.p.Bool("Accept") {
		v.Printf("   Accepted: %d; Connected: %d;", v.p.Uint32("NAccepted"), v.p.Uint32("NConnections"))
		if n := v.p.Uint32("NRefused"); n > 0 {
			v.Printf("   Refused: %d", n)
		}
		v.Print("\n")
	}
}

// how describes how a process ended: "code=exited, status=1/FAILURE".
func how(code, status int32) string {
	if code != exited {
		return "code=" + ending(code) + ", signal=" + unit.Signal(status).Name()
	}
	s := "code=exited, status=" + strconv.Itoa(int(status))
	// The names of systemd's own and the C library's, not those of other conventions.
	if n := unit.ExitStatusName(uint8(status)); n != "" && (status <= 1 || status >= 200) && status <= 255 {
		s += "/" + n
	}
	return s
}

// clean tells whether a process of a service that ended so did nothing wrong.
func clean(code, status int32) bool {
	switch code {
	case exited:
		return status == 0
	case 2: // killed
		return contains([]string{"HUP", "INT", "TERM", "PIPE"}, unit.Signal(status).Name())
	}
	return false
}

// commands shows the commands that have run, then the processes that do.
func (v *statusView) commands() {
	main, control := v.p.Uint32("ExecMainPID"), v.p.Uint32("ControlPID")
	running := false
	if m := v.p.Uint32("MainPID"); v.p.Has("MainPID") {
		running = m > 0
		if running {
			main = m
		}
	}
	for _, p := range v.p {
		if !strings.HasPrefix(p.Name, "Exec") || strings.HasSuffix(p.Name, "Ex") {
			continue
		}
		rows, _ := p.Value.Value().([][]any)
		for _, r := range rows {
			k, ok := parseCommand(r, false)
			if !ok || k.code == 0 {
				continue
			}
			colour := applet.NoColour
			if !clean(k.code, k.status) {
				if colour = applet.HighlightRed; k.ignore {
					colour = applet.HighlightYellow
				}
			}
			v.Printf("    Process: %d %s=%s %s\n", k.pid, p.Name, strings.Join(k.argv, " "), v.Paint(colour, "("+how(k.code, k.status)+")"))
			if k.pid == main && v.p.Uint64("ExecMainStartTimestamp", 0) == k.started && v.p.Uint64("ExecMainExitTimestamp", 0) == k.started {
				main = 0 // not twice
			}
			if k.pid == control {
				control = 0
			}
		}
	}
	v.pids(main, control, running)
	if s := v.p.String("StatusText"); s != "" {
		v.field("Status", "\"%s\"", s)
	}
	if n := v.p.Int32("StatusErrno"); n > 0 {
		v.field("Error", "%d (%s)", n, applet.Errno(syscall.Errno(n)))
	}
}

func (v *statusView) pids(main, control uint32, running bool) {
	if main == 0 && control == 0 {
		return
	}
	if main > 0 {
		v.Printf("   Main PID: %d", main)
		switch code := v.p.Int32("ExecMainCode"); {
		case running:
			v.Print(v.nameOf(main))
		case code > 0:
			v.Printf(" (%s)", how(code, v.p.Int32("ExecMainStatus")))
		}
	}
	if control > 0 {
		if main > 0 {
			v.Print("; Control PID: ")
		} else {
			v.Print("  Cntrl PID: ")
		}
		v.Printf("%d%s", control, v.nameOf(control))
	}
	v.Print("\n")
}

// nameOf is a process's name in parentheses, "" if it cannot be read.
func (v *statusView) nameOf(pid uint32) string {
	b, err := os.ReadFile(v.Path("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/comm"))
	if err != nil {
		return ""
	}
	return " (" + strings.TrimSuffix(string(b), "\n") + ")"
}

// accounting shows what the unit uses.
func (v *statusView) accounting() {
	const none = math.MaxUint64
	get := func(name string) uint64 { return v.p.Uint64(name, none) }
	if in, out := get("IPIngressBytes"), get("IPEgressBytes"); in != none && out != none {
		v.field("IP", "%s in, %s out", applet.Bytes(in), applet.Bytes(out))
	}
	if read, written := get("IOReadBytes"), get("IOWriteBytes"); read != none && written != none {
		v.field("IO", "%s read, %s written", applet.Bytes(read), applet.Bytes(written))
	}
	if n := get("TasksCurrent"); n != none {
		limit := ""
		if most := get("TasksMax"); most != none {
			limit = v.Paint(applet.Grey, " (limit: "+strconv.FormatUint(most, 10)+")")
		}
		v.field("Tasks", "%d%s", n, limit)
	}
	if n := get("MemoryCurrent"); n != none {
		var limits []string
		for _, l := range []struct {
			name, property string
			absent         uint64
		}{
			{"min", "MemoryMin", 0}, {"low", "MemoryLow", 0}, {"high", "MemoryHigh", none}, {"max", "MemoryMax", none},
			{"swap max", "MemorySwapMax", none}, {"limit", "MemoryLimit", none}, {"available", "MemoryAvailable", none},
		} {
			switch m := v.p.Uint64(l.property, l.absent); {
			case m == l.absent:
			case m == none:
				limits = append(limits, l.name+": infinity") // a protection without limit
			default:
				limits = append(limits, l.name+": "+applet.Bytes(m))
			}
		}
		text := ""
		if len(limits) > 0 {
			text = " (" + strings.Join(limits, " ") + ")"
		}
		v.field("Memory", "%s%s", applet.Bytes(n), text)
	}
	if n := get("CPUUsageNSec"); n != none {
		v.field("CPU", "%s", spanText(n/1000, calendar.Millisecond))
	}
}

func (v *statusView) group() {
	path := v.p.String("ControlGroup")
	if path == "" {
		return
	}
	v.field("CGroup", "%s", path)
	if err := v.processes(v.p.String("Id"), path, "             "); err != nil {
		v.Warnf("Failed to dump process list for '%s', ignoring: %s", v.p.String("Id"), manager.Text(err))
	}
}

// log prints the last log lines of the unit's last run.
func (v *statusView) log() {
	if v.journal == nil || v.lines == 0 {
		return
	}
	q := JournalQuery{
		Unit: v.p.String("Id"), Namespace: v.p.String("LogNamespace"), Since: v.p.Uint64("InactiveExitTimestampMonotonic", 0),
		Lines: v.lines, Output: v.output, Colour: v.Coloured(), All: v.showEmpty,
	}
	if id, ok := lookupBytes(v.p, "InvocationID"); ok {
		q.Invocation = id
	}
	if !v.fullWidth() {
		q.Width = v.Columns()
	}
	lines, cut := v.journal(q)
	if len(lines) > 0 {
		v.Print("\n")
	}
	for _, l := range lines {
		v.Puts(l)
	}
	v.cut = v.cut || cut
}
