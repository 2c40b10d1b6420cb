package convert

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

const defaultPriority = 999

// process is one process of a program, in the making.
type process struct {
	s              *supervisord
	sec            *iniSection
	program, group string
	num, count     int
	quiet          bool // another one of the program has said what there is to say
	name           string
	priority       int
	level          [2]int // the group's priority, its own
	pairs          []pair // environment= of the program
	u              unitFile
	err            error // the first that was found
}

// sectionRule says what becomes of a kind of section.
type sectionRule struct {
	kind    string
	becomes string
	lost    string // why it is not carried over, "" if there is nothing to say
}

var supervisordSections = []sectionRule{
	{"program", "a service for each of its processes; with `numprocs` a target for all of them", ""},
	{"fcgi-program", "the same, and a socket unit that is their standard input", ""},
	{"group", "a target; `systemctl start`, `stop` and `restart` reach all its services", ""},
	{"include", "read", ""},
	{"supervisord", "`environment`, `user`, `directory`, `umask` and `minfds` are the services'; the rest is about supervisord itself", ""},
	{"eventlistener", "not carried over", "there are no events to listen to; OnFailure=, OnSuccess= (systemd.unit(5)) and ExecStopPost= (systemd.service(5)) are started by what happens to a unit"},
	{"inet_http_server", "not carried over", "there is no web page and no XML-RPC; systemctl(1) and D-Bus are what asks the manager"},
	{"unix_http_server", "not needed", ""},
	{"supervisorctl", "not needed", ""},
	{"rpcinterface", "not needed", ""},
	{"ctlplugin", "not needed", ""},
}

// rule says what becomes of settings that belong together. Its apply adds to the unit.
type rule struct {
	keys    []string
	becomes string
	apply   func(p *process)
}

// programRules are in the order of the lines that they add.
func programRules() []rule {
	return []rule{
		{[]string{"process_name", "numprocs", "numprocs_start"}, "the unit's name: `process_name`, behind the program's name where that is not part of it; a unit for each process", (*process).names},
		{[]string{"environment"}, "`Environment=`, that of `[supervisord]` first; a value with `%(ENV_X)s` is made by a shell that then executes the command", (*process).environment},
		{[]string{"user"}, "`User=`, which also sets `HOME`, `USER`, `LOGNAME` and `SHELL`; without it `Environment=HOME=` is that of the import, as supervisord passes its own", (*process).user},
		{[]string{"directory"}, "`WorkingDirectory=`; without it services start in `/`", (*process).directory},
		{[]string{"umask"}, "`UMask=`", (*process).umask},
		{[]string{"command"}, "`ExecStart=`, quoted anew; `%(ENV_X)s` becomes `$X` or `${X}`", (*process).command},
		{[]string{"autorestart", "exitcodes"}, "`true`: `Restart=always`; `false`: `Restart=no`; `unexpected`: `Restart=on-failure`, `SuccessExitStatus=`, and `RestartForceExitStatus=` for what systemd alone takes for success", (*process).restart},
		{[]string{"startsecs", "startretries"}, "`StartLimitBurst=` is one more than the retries, `StartLimitIntervalSec=` such that only runs shorter than `startsecs` use it up; `RestartSec=1s`, where supervisord waits 1, 2, 3 … seconds", (*process).startLimit},
		{[]string{"stopsignal"}, "`KillSignal=`", (*process).stopSignal},
		{[]string{"stopwaitsecs"}, "`TimeoutStopSec=`", (*process).stopTimeout},
		{[]string{"stopasgroup", "killasgroup"}, "`KillMode=`: `control-group` with `stopasgroup`, `process` where `killasgroup=false` is said, otherwise `mixed`: only the main process is told, and nothing is left behind", (*process).killMode},
		{[]string{"stdout_logfile", "stderr_logfile", "redirect_stderr", "stdout_syslog", "stderr_syslog"}, "`StandardOutput=` and `StandardError=`: a file is `append:`, `NONE` is `null`, `AUTO`, `syslog` and `/dev/stdout` are the journal", (*process).streams},
		{[]string{"stdout_logfile_maxbytes", "stdout_logfile_backups", "stderr_logfile_maxbytes", "stderr_logfile_backups"}, "not carried over: the journal rotates by itself; for files there is logrotate(8)", (*process).rotation},
		{[]string{"stdout_capture_maxbytes", "stderr_capture_maxbytes", "stdout_events_enabled", "stderr_events_enabled"}, "not carried over: there are no events", (*process).events},
		{[]string{"serverurl"}, "not carried over: there is no supervisord to talk to", (*process).serverURL},
		{[]string{"autostart"}, "whether the unit is among those to enable", (*process).autostart},
		{[]string{"priority"}, "`After=` those with a lower one", (*process).prioritize},
		{[]string{"socket", "socket_owner", "socket_mode", "socket_backlog"}, "of an `fcgi-program`: `ListenStream=`, `SocketUser=`, `SocketGroup=`, `SocketMode=`, `Backlog=`", (*process).socketSettings},
	}
}

func (p *process) build() error {
	p.u.section = "Service"
	p.u.set("Type", "exec")
	rules := programRules()
	for _, r := range rules {
		if r.apply(p); p.err != nil {
			return p.err
		}
	}
	p.u.wantedBy("multi-user.target")
	for _, o := range p.sec.settings {
		known := slices.ContainsFunc(rules, func(r rule) bool { return slices.Contains(r.keys, o.key) })
		if !known {
			p.lost(o.key, "it is no setting of supervisord's")
		}
	}
	return nil
}

// text is a setting's value. ok is unset where there is none, or none that can be written now.
func (p *process) text(key string) (value string, ok bool) {
	o := p.sec.get(key)
	if o == nil || p.err != nil {
		return "", false
	}
	value, err := p.s.resolved(o, p.sec.name, p.lookup(o))
	if errors.Is(err, errUnset) {
		return "", false
	}
	if err != nil {
		p.err = p.fail(key, err)
	}
	return value, err == nil
}

// lookup knows what settings of a program can name.
func (p *process) lookup(o *setting) func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch name {
		case "program_name":
			return p.program, true
		case "group_name":
			return p.group, true
		case "process_num":
			return strconv.Itoa(p.num), true
		case "numprocs":
			return strconv.Itoa(p.count), true
		}
		if env, ok := strings.CutPrefix(name, "ENV_"); ok {
			for _, v := range p.pairs {
				if v.name == env {
					return v.value, true
				}
			}
		}
		return p.s.lookup(o, name)
	}
}

func (p *process) integer(key string, otherwise int) int {
	v, ok := p.text(key)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < 0 && key != "priority" {
		p.refuse(key, "%q is no number", v)
	}
	return n
}

func (p *process) boolean(key string, otherwise bool) bool {
	v, ok := p.text(key)
	if !ok {
		return otherwise
	}
	yes, ok := parseBoolean(v)
	if !ok {
		p.refuse(key, "%q is neither true nor false", v)
	}
	return yes
}

func parseBoolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true, true
	case "no", "false", "off", "0":
		return false, true
	}
	return false, false
}

func (p *process) refuse(key, format string, arg ...any) {
	if p.err == nil {
		p.err = p.fail(key, fmt.Errorf(format, arg...))
	}
}

// fail is an error about a setting, or about the section if that lacks it.
func (p *process) fail(key string, err error) error {
	if o := p.sec.get(key); o != nil {
		return p.s.fault(o, p.sec.name, err)
	}
	return fmt.Errorf("%s:%d: [%s]: %w", p.sec.file, p.sec.line, p.sec.name, err)
}

func (p *process) lost(key, format string, arg ...any) { p.remark(key, true, format, arg) }
func (p *process) note(key, format string, arg ...any) { p.remark(key, false, format, arg) }

func (p *process) remark(key string, lost bool, format string, arg []any) {
	if p.quiet {
		return
	}
	o := p.sec.get(key)
	if o == nil {
		o = &setting{key: key, file: p.sec.file, line: p.sec.line}
	}
	p.s.remark(o, p.sec.name, lost, format, arg)
}

func (p *process) names() {
	p.name = p.program
	if v, ok := p.text("process_name"); ok {
		p.name = v
	}
	if p.name == "" || strings.ContainsAny(p.name, " /:") {
		p.refuse("process_name", "%q is no name", p.name)
	}
	unit := p.name
	if !strings.Contains(unit, p.program) {
		unit = p.program + "-" + unit
	}
	p.u.name = unitName(unit, ".service")
	p.u.inUnit("Description", plain(strings.TrimSuffix(p.u.name, ".service")))
}

// environment writes what has a value now. The rest is a shell's work, which command gives it.
func (p *process) environment() {
	if o := p.sec.get("environment"); o != nil {
		text, err := expand(o.value, p.lookup(o))
		if err == nil {
			p.pairs, err = readPairs(text)
		}
		if err != nil {
			p.err = p.fail("environment", err)
			return
		}
	}
	for _, v := range p.allPairs() {
		if !hasVariable(v.value) {
			p.u.set("Environment", environment(v.name, v.value))
		}
		if !isVariableName(v.name) {
			p.refuse("environment", "%q is no name of a variable", v.name)
		}
	}
	if o := p.sec.get("command"); o != nil {
		for _, v := range []pair{{"SUPERVISOR_PROCESS_NAME", p.name}, {"SUPERVISOR_GROUP_NAME", p.group}} {
			if strings.Contains(o.value, v.name) {
				p.u.set("Environment", environment(v.name, v.value))
			}
		}
	}
}

// allPairs are [supervisord]'s variables and the program's, each once.
func (p *process) allPairs() []pair {
	list := slices.Clone(p.s.global)
	for _, v := range p.pairs {
		list = append(withoutPair(list, v.name), v)
	}
	return list
}

func isVariableName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (p *process) user() {
	v, ok := p.text("user")
	if !ok && p.err == nil {
		v, _, p.err = p.s.globalText("user")
		ok = v != "" && v != "root" && v != "0"
	}
	if ok && v != "" {
		p.u.set("User", plain(v))
	} else if !slices.ContainsFunc(p.allPairs(), func(v pair) bool { return v.name == "HOME" }) {
		p.u.set("Environment", environment("HOME", p.s.src.home()))
	}
}

// workingDirectory is where the process starts, "" where supervisord was started. supervisord's own directory counts where it goes into the background.
func (p *process) workingDirectory() (dir string, ok bool) {
	if v, ok := p.text("directory"); ok {
		return v, true
	}
	if p.err != nil || !p.s.daemonizes() {
		return "", false
	}
	dir, _, p.err = p.s.globalText("directory")
	return dir, dir != ""
}

// daemonizes tells whether supervisord goes into the background, which is when it changes its directory and its umask.
func (s *supervisord) daemonizes() bool {
	o := s.ini.section("supervisord").get("nodaemon")
	if o == nil {
		return true
	}
	stays, _ := parseBoolean(o.value)
	return !stays
}

func (p *process) directory() {
	dir, ok := p.workingDirectory()
	switch {
	case !ok:
	case !path.IsAbs(dir):
		p.lost("directory", "%s is relative to where supervisord is started, which nobody knows here", dir)
	default:
		p.u.set("WorkingDirectory", plain(path.Clean(dir)))
	}
}

func (p *process) umask() {
	v, ok := p.text("umask")
	if !ok && p.s.daemonizes() && p.err == nil {
		v, _, p.err = p.s.globalText("umask")
		ok = v != ""
	}
	if !ok {
		return
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 16)
	if err != nil || n > 0o777 {
		p.refuse("umask", "%q is no umask", v)
	}
	p.u.set("UMask", fmt.Sprintf("%04o", n))
}

func (p *process) command() {
	o := p.sec.get("command")
	if o == nil {
		p.refuse("command", "there is no command=")
		return
	}
	text, err := expand(o.value, p.lookup(o))
	var list []word
	if err == nil {
		list, err = splitWords(text)
	}
	if err == nil && (len(list) == 0 || list[0].text == "") {
		err = errors.New("it is empty")
	}
	if err != nil {
		p.err = p.fail("command", err)
		return
	}
	program, prefix := list[0].text, ""
	script := p.exports()
	switch {
	case script != "":
		list = append(words("/bin/sh", "-c", script, "sh"), list...)
	case hasVariable(program):
		list = append(words("/usr/bin/env"), list...)
	case path.IsAbs(program):
		if clean := path.Clean(program); clean != program {
			prefix = "@"
			list = append(words(clean), list...)
		}
	case strings.Contains(program, "/"):
		dir, ok := p.workingDirectory()
		if !ok {
			p.note("command", "%s is relative to where supervisord is started; it is taken to be /", program)
		}
		prefix = "@"
		list = append(words(path.Join("/", dir, program)), list...)
	default:
		for _, v := range p.allPairs() {
			if v.name == "PATH" {
				p.searchPath(v.value)
			}
		}
	}
	p.u.set("ExecStart", commandLine(prefix, list))
	if limit := p.s.ini.section("supervisord").get("minfds"); limit != nil {
		if n, err := strconv.Atoi(limit.value); err == nil && n > 0 {
			p.u.set("LimitNOFILE", strconv.Itoa(n))
		}
	}
}

// searchPath has systemd look for the program where supervisord does: in the folders of the program's own PATH.
func (p *process) searchPath(value string) {
	var dirs []string
	for _, d := range strings.Split(value, ":") {
		if path.IsAbs(d) {
			dirs = append(dirs, path.Clean(d))
		}
	}
	if len(dirs) > 0 {
		p.u.set("ExecSearchPath", plain(strings.Join(dirs, ":")))
	}
}

// exports is a shell script that sets the variables whose values name others and then executes its arguments, "" if there are none. A variable that is
// its own value is in the environment already.
func (p *process) exports() string {
	var b strings.Builder
	for _, v := range p.allPairs() {
		if !hasVariable(v.value) || v.value == mark+v.name+mark {
			continue
		}
		b.WriteString("export " + v.name + `="`)
		for i, part := range strings.Split(v.value, mark) {
			if i%2 == 1 {
				b.WriteString("${" + part + "}")
			} else {
				b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(part))
			}
		}
		b.WriteString(`"; `)
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + `exec "$@"`
}

// restarts is how autorestart= is said.
type restarts uint8

const (
	restartUnexpected restarts = iota
	restartAlways
	restartNever
)

func (p *process) autorestart() restarts {
	v, ok := p.text("autorestart")
	if !ok || strings.EqualFold(v, "unexpected") {
		return restartUnexpected
	}
	yes, ok := parseBoolean(v)
	switch {
	case !ok:
		p.refuse("autorestart", "%q is none of true, false, unexpected", v)
	case yes:
		return restartAlways
	}
	return restartNever
}

func (p *process) restart() {
	success, zero := []string{}, false
	codes, said := p.text("exitcodes")
	if !said {
		codes = "0"
	}
	for _, c := range strings.Split(codes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(c))
		if err != nil || n < 0 || n > 255 {
			if strings.TrimSpace(codes) == "" {
				break
			}
			p.refuse("exitcodes", "%q is no list of exit statuses", codes)
			return
		}
		if zero = zero || n == 0; n != 0 {
			success = append(success, strconv.Itoa(n))
		}
	}
	switch p.autorestart() {
	case restartAlways:
		p.u.set("Restart", "always")
	case restartNever:
		p.u.set("Restart", "no")
	default:
		// A signal is never among the expected for supervisord, while systemd takes four of them for success, and 0 always.
		force := []string{unit.SIGHUP.String(), unit.SIGINT.String(), unit.SIGPIPE.String(), unit.SIGTERM.String()}
		if !zero {
			force = append([]string{"0"}, force...)
		}
		p.u.set("Restart", "on-failure")
		p.u.set("RestartForceExitStatus", strings.Join(force, " "))
	}
	if len(success) > 0 {
		p.u.set("SuccessExitStatus", strings.Join(success, " "))
	}
}

func (p *process) startLimit() {
	secs, retries := p.integer("startsecs", 1), p.integer("startretries", 3)
	if p.err != nil {
		return
	}
	if p.autorestart() == restartNever {
		if secs > 0 {
			p.lost("autorestart", "a command that ends within startsecs is not tried again either; startsecs=0 says the same to supervisord")
		}
		return
	}
	const wait = 1 // s, between an end and the next start
	p.u.set("RestartSec", seconds(wait))
	// supervisord never gives up what it takes for started; beyond a million tries nobody has waited either.
	if secs == 0 || retries > 1e6 {
		p.u.inUnit("StartLimitIntervalSec", "0")
		return
	}
	p.u.inUnit("StartLimitIntervalSec", seconds((retries+1)*(secs+wait)))
	p.u.inUnit("StartLimitBurst", strconv.Itoa(retries+1))
}

func (p *process) stopSignal() {
	v, ok := p.text("stopsignal")
	if !ok {
		return
	}
	sig, ok := parseSignal(v)
	if !ok {
		p.refuse("stopsignal", "%q is no signal", v)
	}
	if sig != unit.SIGTERM {
		p.u.set("KillSignal", sig.String())
	}
}

// parseSignal reads a number, or a name with or without SIG.
func parseSignal(s string) (unit.Signal, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if n, err := strconv.Atoi(s); err == nil {
		return unit.Signal(n), n > 0 && n <= int(unit.SIGRTMAX)
	}
	s = strings.TrimPrefix(s, "SIG")
	for sig := unit.Signal(1); sig <= unit.SIGRTMAX; sig++ {
		if sig.Name() == s {
			return sig, true
		}
	}
	switch s {
	case "RTMIN":
		return unit.SIGRTMIN, true
	case "RTMAX":
		return unit.SIGRTMAX, true
	case "POLL":
		return parseSignal("IO")
	case "CLD":
		return parseSignal("CHLD")
	}
	return 0, false
}

func (p *process) stopTimeout() {
	// Zero is never for systemd.
	if n := p.integer("stopwaitsecs", 10); n > 0 {
		p.u.set("TimeoutStopSec", seconds(n))
	} else {
		p.u.set("TimeoutStopSec", "1ms")
	}
}

func (p *process) killMode() {
	stop := p.boolean("stopasgroup", false)
	kill := p.boolean("killasgroup", stop)
	_, said := p.text("killasgroup")
	switch {
	case stop && !kill:
		p.refuse("killasgroup", "it cannot be false with stopasgroup=true")
	case stop: // systemd's default
	case said && !kill:
		p.u.set("KillMode", "process")
	default:
		p.u.set("KillMode", "mixed")
	}
}

const journal = "journal"

// stream is where a log file setting sends a stream to.
func (p *process) stream(name string) string {
	if p.boolean(name+"_syslog", false) {
		return journal
	}
	key := name + "_logfile"
	v, ok := p.text(key)
	switch {
	case !ok:
		return journal
	case strings.EqualFold(v, "none"), strings.EqualFold(v, "off"), v == "/dev/null":
		return "null"
	case strings.EqualFold(v, "auto"), strings.EqualFold(v, "syslog"):
		return journal
	case strings.HasPrefix(v, "/dev/fd/"), strings.HasPrefix(v, "/proc/self/fd/"), v == "/dev/stdout", v == "/dev/stderr", v == "/dev/tty", v == "/proc/1/fd/1", v == "/proc/1/fd/2":
		return journal
	case !path.IsAbs(v):
		p.lost(key, "%s is relative to where supervisord is started, which nobody knows here; the journal has it", v)
		return journal
	}
	return "append:" + plain(path.Clean(v))
}

func (p *process) streams() {
	out := p.stream("stdout")
	err := out
	if !p.boolean("redirect_stderr", false) {
		err = p.stream("stderr")
	}
	fastcgi := strings.HasPrefix(p.sec.name, "fcgi-program:")
	if fastcgi {
		p.u.set("StandardInput", "socket")
	}
	// Without a word about it both are the journal, or with a socket as standard input that.
	if out != journal || fastcgi {
		p.u.set("StandardOutput", out)
	}
	if err != out {
		p.u.set("StandardError", err)
	}
}

func (p *process) rotation() {
	for _, name := range []string{"stdout", "stderr"} {
		if name == "stderr" && p.boolean("redirect_stderr", false) {
			continue
		}
		file := strings.HasPrefix(p.quietStream(name), "append:")
		bytes, said := p.text(name + "_logfile_maxbytes")
		size, isSize := byteSize(bytes)
		switch {
		case said && !isSize:
			p.refuse(name+"_logfile_maxbytes", "%q is no size", bytes)
		case said && size == 0:
		case file && said:
			p.lost(name+"_logfile_maxbytes", "nothing rotates the file; logrotate(8) can, with copytruncate")
		case file:
			p.lost(name+"_logfile", "the file grows, where supervisord rotates it at 50MB; logrotate(8) can, with copytruncate")
		case said && p.quietStream(name) == journal:
			p.lost(name+"_logfile_maxbytes", "the journal rotates by itself (journald.conf(5))")
		}
		if backups, said := p.text(name + "_logfile_backups"); said {
			if _, err := strconv.Atoi(backups); err != nil {
				p.refuse(name+"_logfile_backups", "%q is no number", backups)
			}
			if !file && p.quietStream(name) == journal && size != 0 {
				p.lost(name+"_logfile_backups", "the journal rotates by itself (journald.conf(5))")
			}
		}
	}
}

// quietStream is stream, of which everything was said.
func (p *process) quietStream(name string) string {
	q := *p
	q.quiet = true
	return q.stream(name)
}

// byteSize reads a size as supervisord does: a number, or one with KB, MB or GB.
func byteSize(s string) (int, bool) {
	unit := 1
	s = strings.ToLower(strings.TrimSpace(s))
	for i, suffix := range []string{"kb", "mb", "gb"} {
		if v, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = v, 1<<(10*(i+1))
		}
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n * unit, err == nil
}

func (p *process) events() {
	for _, name := range []string{"stdout", "stderr"} {
		if p.boolean(name+"_events_enabled", false) {
			p.lost(name+"_events_enabled", "there are no events")
		}
		key := name + "_capture_maxbytes"
		if v, ok := p.text(key); ok {
			if n, isSize := byteSize(v); !isSize {
				p.refuse(key, "%q is no size", v)
			} else if n > 0 {
				p.lost(key, "there are no events")
			}
		}
	}
}

func (p *process) serverURL() {
	if v, ok := p.text("serverurl"); ok && !strings.EqualFold(strings.TrimSpace(v), "auto") {
		p.lost("serverurl", "there is no supervisord to talk to")
	}
}

func (p *process) autostart()  { p.u.enable = p.boolean("autostart", true) }
func (p *process) prioritize() { p.priority = p.integer("priority", defaultPriority) }
func (p *process) socketSettings() {
	if strings.HasPrefix(p.sec.name, "fcgi-program:") {
		return // fastcgi reads them, once for all processes
	}
	for _, key := range []string{"socket", "socket_owner", "socket_mode", "socket_backlog"} {
		if p.sec.get(key) != nil {
			p.lost(key, "only an fcgi-program has a socket")
		}
	}
}
