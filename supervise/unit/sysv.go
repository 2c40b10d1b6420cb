package unit

import (
	"io"
	"path"
	"slices"
	"strings"

	sdunit "github.com/coreos/go-systemd/v22/unit"
)

// SysV init scripts become units as systemd-sysv-generator(8) makes them: a script in /etc/init.d that has no unit file of its
// name, with what its LSB header says and the runlevels that link to it.

const initDir = "/etc/init.d"

// runlevels are the folders of links and the targets that stand for them; those for shutdown mean nothing.
var runlevels = []struct{ dir, target string }{
	{"/etc/rc1.d", "rescue.target"},
	{"/etc/rc2.d", "multi-user.target"}, {"/etc/rc3.d", "multi-user.target"}, {"/etc/rc4.d", "multi-user.target"},
	{"/etc/rc5.d", "graphical.target"},
}

// initScript is one script on its way into a unit.
type initScript struct {
	name, file, text               string
	description, pidFile           string
	priority                       int // of its links, -1 without one
	lsb, reload                    bool
	before, after, wants, wantedBy []string
	aliases                        []string
}

// generateSysV makes units of the scripts for which native has no unit. They stand in lateDir.
func generateSysV(fsys FS, native func(name string) bool) (*Tree, []Diagnostic) {
	t := &Tree{}
	var list []Diagnostic
	entries, err := fsys.ReadDir(relative(initDir))
	if err != nil {
		return t, nil
	}
	scripts := map[string]*initScript{}
	for _, e := range entries {
		file := initDir + "/" + e.Name()
		name, err := scriptUnit(e.Name())
		if err != nil || e.IsDir() || scripts[name] != nil || native(name) {
			continue
		}
		if info, err := e.Info(); err == nil && e.Type().IsRegular() && info.Mode()&0o100 == 0 {
			continue
		}
		text, err := readUnitFile(fsys, file)
		if err != nil {
			continue
		}
		scripts[name] = &initScript{name: name, file: file, text: text, priority: -1}
	}
	linkRunlevels(fsys, scripts)
	for _, name := range sortedKeys(scripts) {
		list = append(list, scripts[name].read()...)
	}
	for _, name := range sortedKeys(scripts) {
		s := scripts[name]
		s.orderByPriority(scripts)
		t.AddFile(lateDir+"/"+name, s.unit())
		for _, w := range s.wantedBy {
			t.AddLink(lateDir+"/"+w+".wants/"+name, "../"+name)
		}
	}
	for _, name := range sortedKeys(scripts) {
		for _, alias := range scripts[name].aliases {
			if alias != name && scripts[alias] == nil && t.links[relative(lateDir+"/"+alias)] == "" {
				t.AddLink(lateDir+"/"+alias, name)
			}
		}
	}
	return t, list
}

// scriptUnit is the unit of a script or of a name in an LSB header.
func scriptUnit(script string) (string, error) {
	return Mangle(strings.TrimSuffix(script, ".sh"), false)
}

// linkRunlevels finds the start links of the runlevels.
func linkRunlevels(fsys FS, scripts map[string]*initScript) {
	for _, level := range runlevels {
		entries, err := fsys.ReadDir(relative(level.dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			n := e.Name()
			if len(n) < 4 || n[0] != 'S' || strings.Trim(n[1:3], "0123456789") != "" {
				continue
			}
			name, err := scriptUnit(n[3:])
			s := scripts[name]
			if err != nil || s == nil {
				continue
			}
			s.priority = max(s.priority, int(n[1]-'0')*10+int(n[2]-'0'))
			s.before = appendNew(s.before, level.target)
			s.wantedBy = appendNew(s.wantedBy, level.target)
		}
	}
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// orderByPriority orders a script against all others by the numbers of their links, unless both have LSB headers.
func (s *initScript) orderByPriority(scripts map[string]*initScript) {
	if s.priority < 0 {
		return
	}
	for _, name := range sortedKeys(scripts) {
		o := scripts[name]
		switch {
		case o == s || o.priority < 0 || s.lsb && o.lsb:
		case o.priority < s.priority:
			s.after = appendNew(s.after, o.name)
		case o.priority > s.priority:
			s.before = appendNew(s.before, o.name)
		}
	}
}

// facilities are the LSB's names for what systemd has units for; those without are always there.
var facilities = map[string]string{
	"local_fs": "", "syslog": "", "network": "network-online.target", "named": "nss-lookup.target",
	"portmap": "rpcbind.target", "remote_fs": "remote-fs.target", "time": "time-sync.target",
}

// facility is the unit of a name in an LSB header, "" for one that means nothing.
func (s *initScript) facility(name string) string {
	plain := strings.TrimPrefix(name, "$")
	if target, ok := facilities[plain]; ok {
		return target
	}
	if plain != name {
		if target := plain + ".target"; ValidName(target, PlainName) {
			return target
		}
		return ""
	}
	if plain == strings.TrimSuffix(path.Base(s.file), ".sh") {
		return ""
	}
	unit, err := scriptUnit(plain)
	if err != nil {
		return ""
	}
	return unit
}

// read reads the comments of a script: the LSB header, or Red Hat's description and pidfile; and whether its usage text
// speaks of reload.
func (s *initScript) read() []Diagnostic {
	text := s.text
	var list []Diagnostic
	var short, long, redhat string
	const (
		plain = iota
		inRedhat
		inLSB
		inLong
		inUsage
	)
	state := plain
	for number := 1; text != ""; number++ {
		var line string
		line, text = cutLine(text)
		t := strings.Trim(line, whitespace)
		if !strings.HasPrefix(t, "#") {
			if state == inUsage || state == plain && strings.Contains(strings.ToLower(t), "usage") {
				switch {
				case mentionsReload(t):
					s.reload, state = true, plain
				case strings.HasSuffix(t, `\`):
					state = inUsage
				default:
					state = plain
				}
			}
			continue
		}
		switch {
		case state == plain && t == "### BEGIN INIT INFO":
			state, s.lsb = inLSB, true
			continue
		case (state == inLSB || state == inLong) && t == "### END INIT INFO":
			state = plain
			continue
		}
		t = strings.TrimLeft(t[1:], whitespace)
		key, value := cutHeader(t)
		switch state {
		case plain:
			switch key {
			case "description":
				if v, more := strings.CutSuffix(value, `\`); more {
					value, state = strings.TrimRight(v, whitespace), inRedhat
				}
				redhat = value
			case "pidfile":
				if !strings.HasPrefix(value, "/") {
					list = append(list, Diagnostic{Severity: Error, Unit: s.name, File: s.file, Line: number, Text: "PID file not absolute. Ignoring."})
					break
				}
				s.pidFile = value
			}
		case inRedhat:
			v, more := strings.CutSuffix(t, `\`)
			if !more {
				state = plain
			}
			redhat = join(redhat, strings.Trim(v, whitespace))
		case inLSB, inLong:
			was := state
			state = inLSB
			switch key {
			case "provides":
				s.provides(value)
			case "required-start", "should-start", "x-start-after":
				s.requires(value, false)
			case "x-start-before":
				s.requires(value, true)
			case "description":
				state, long = inLong, value
			case "short-description":
				short = value
			default:
				state = was
				if was != inLong {
					break
				}
				if strings.HasPrefix(line, "#\t") || strings.HasPrefix(line, "#  ") {
					long = join(long, t)
				} else {
					state = inLSB
				}
			}
		}
	}
	s.description = short
	for _, d := range []string{redhat, long} {
		if s.description == "" {
			s.description = d
		}
	}
	if s.description != "" {
		kind := "SYSV: "
		if s.lsb {
			kind = "LSB: "
		}
		s.description = kind + s.description
	}
	return list
}

// cutHeader takes "Key: value" apart; keys are found in any case.
func cutHeader(t string) (key, value string) {
	key, value, ok := strings.Cut(t, ":")
	if !ok {
		return "", ""
	}
	return strings.ToLower(key), strings.Trim(value, whitespace)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

func mentionsReload(line string) bool {
	line = strings.ToLower(line)
	for _, s := range []string{"{reload|", "{reload}", "{reload\"", "|reload|", "|reload}", "|reload\""} {
		if strings.Contains(line, s) {
			return true
		}
	}
	return false
}

// provides: services are further names, targets are reached by the script.
func (s *initScript) provides(list string) {
	s.eachFacility(list, func(unit string) {
		switch TypeOf(unit) {
		case TypeService:
			s.aliases = appendNew(s.aliases, unit)
		case TypeTarget:
			s.before, s.wants = appendNew(s.before, unit), appendNew(s.wants, unit)
			if unit == "network-online.target" {
				s.before, s.wants = appendNew(s.before, "network.target"), appendNew(s.wants, "network.target")
			}
		}
	})
}

func (s *initScript) requires(list string, before bool) {
	s.eachFacility(list, func(unit string) {
		if before {
			s.before = appendNew(s.before, unit)
			return
		}
		s.after = appendNew(s.after, unit)
		if unit == "network-online.target" {
			s.wants = appendNew(s.wants, unit) // nobody else pulls it in
		}
	})
}

func (s *initScript) eachFacility(list string, f func(unit string)) {
	_ = eachWord(list, unquote|relaxed, func(w string) { // relaxed splitting has no errors
		if unit := s.facility(w); unit != "" {
			f(unit)
		}
	})
}

// unit is the text of the unit file.
func (s *initScript) unit() string {
	var opts []*sdunit.UnitOption
	put := func(section, name string, values ...string) {
		for _, v := range values {
			opts = append(opts, sdunit.NewUnitOption(section, name, v))
		}
	}
	file := EscapeSpecifiers(s.file)
	put("Unit", "Documentation", "man:systemd-sysv-generator(8)")
	put("Unit", "SourcePath", file)
	if s.description != "" {
		put("Unit", "Description", EscapeSpecifiers(s.description))
	}
	put("Unit", "Before", s.before...)
	put("Unit", "After", s.after...)
	put("Unit", "Wants", s.wants...)
	remain := "yes"
	if s.pidFile != "" {
		remain = "no"
	}
	// systemd's generator says KillMode=process and leaves it to the script to find its daemons. In a container without CAP_SYS_PTRACE
	// start-stop-daemon(8) cannot read the /proc/PID/exe of other users' processes and finds none: what the script has left behind is stopped here.
	for _, kv := range [][2]string{{"Type", "forking"}, {"Restart", "no"}, {"TimeoutSec", "5min"}, {"IgnoreSIGPIPE", "no"},
		{"KillMode", "control-group"}, {"GuessMainPID", "no"}, {"RemainAfterExit", remain}} {
		put("Service", kv[0], kv[1])
	}
	if s.pidFile != "" {
		put("Service", "PIDFile", EscapeSpecifiers(s.pidFile))
	}
	if s.lsb {
		put("Service", "SuccessExitStatus", "5 6") // not installed, not configured (LSB)
	}
	put("Service", "ExecStart", file+" start")
	put("Service", "ExecStop", file+" stop")
	if s.reload {
		put("Service", "ExecReload", file+" reload")
	}
	text, err := io.ReadAll(sdunit.Serialize(opts))
	if err != nil {
		panic(err) // Serialize gives a buffer
	}
	return string(text)
}
