package convert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
