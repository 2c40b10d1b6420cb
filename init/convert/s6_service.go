package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

var s6Rows = []row{
	{"`type`: `longrun`, `run`", "a service: `ExecStart=` is the script, by its interpreter where it cannot be executed; `Restart=always` without a limit, `RestartSec=1s`, `WorkingDirectory=` the folder, `KillMode=mixed`"},
	{"`type`: `oneshot`, `up`, `down`", "a service of `Type=oneshot` that stays active: `ExecStart=`, `ExecStop=`; a single command as it is, anything else by `execlineb -P FILE`"},
	{"`type`: `bundle`, `contents`", "a target that wants them; they stop with it"},
	{"`dependencies`, `dependencies.d`", "`Requires=` and `After=`"},
	{"`#!… with-contenv`", "left out: the container's environment reaches services"},
	{"`$HOME`", "`Environment=HOME=`, that of the import"},
	{"`env`", "scripts read it by s6-envdir, in the same working directory"},
	{"`finish`", "`ExecStopPost=`, with the arguments that s6-supervise passes; its exit status is ignored: 125 does not hold the service down"},
	{"`notification-fd`", "not carried over: systemd is told by sd_notify(3), not by a line on a descriptor"},
	{"`producer-for`, `consumer-for`, `pipeline-name`, `log`", "not carried over: the journal takes what services write"},
	{"`timeout-kill`", "`TimeoutStopSec=`; without it systemd kills after its default"},
	{"`timeout-up`, `timeout-down`", "`TimeoutStartSec=`, `TimeoutStopSec=` of a oneshot, infinity if they are missing; of a longrun `timeout-down` is `TimeoutStopSec=` where there is no `timeout-kill`"},
	{"`timeout-finish`", "not carried over: `TimeoutStopSec=` holds for `ExecStopPost=`, too"},
	{"`down-signal`", "`KillSignal=`"},
	{"`max-death-tally`", "`StartLimitBurst=` and `StartLimitIntervalSec=` where `finish` calls s6-permafailon; by itself it limits nothing"},
	{"`flag-essential`", "`RefuseManualStop=`"},
	{"`down` in services.d", "the unit is not among those to enable"},
	{"`cont-init.d`", "services of `Type=oneshot`, one after the other, all before those of services.d"},
	{"`cont-finish.d`", "services of `Type=oneshot` whose `ExecStop=` is the script, after the other services have stopped"},
}

// A script is a file to execute.
type script struct {
	text  string
	words []word // the command that runs it
}

// commandDir is where s6-overlay keeps its programs.
const commandDir = "/command"

// script finds how a file is to be run. with-contenv is left out: the variables that it reads from files are in the environment.
func (s *s6) script(file string) (script, error) {
	text, err := s.src.read(file)
	if err != nil {
		return script{}, err
	}
	sc := script{text: text, words: words(file)}
	first, _, _ := strings.Cut(text, "\n")
	shebang, ok := strings.CutPrefix(first, "#!")
	interpreter := strings.Fields(shebang)
	if !ok || len(interpreter) == 0 {
		if !s.executable(file) {
			sc.words = words("/bin/sh", file)
		}
		return sc, nil
	}
	if path.Base(interpreter[0]) == "with-contenv" && len(interpreter) > 1 {
		if interpreter[1] == "execlineb" {
			interpreter[1] = s.program("execlineb")
		}
		sc.words = append(words(interpreter[1:]...), sc.words...)
		return sc, nil
	}
	if !s.executable(file) {
		// The kernel passes what is behind the interpreter as one argument (execve(2)).
		argument := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(shebang), interpreter[0]))
		sc.words = words(interpreter[0])
		if argument != "" {
			sc.words = append(sc.words, word{text: argument})
		}
		sc.words = append(sc.words, word{text: file})
	}
	return sc, nil
}

// callsToS6 are programs that talk to supervisors that are not there any more.
var callsToS6 = regexp.MustCompile(`(^|[\s/"'])(s6-rc|s6-svc|s6-svwait|s6-svstat|s6-svscanctl|s6-notifyoncheck|s6-rc-db|with-contenv|basedir/bin/halt)($|[\s"'])`)

// remarkCalls says what a script calls in vain.
func (s *s6) remarkCalls(v *s6Service, key, file, text string) {
	var seen []string
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			continue
		}
		for _, m := range callsToS6.FindAllStringSubmatch(l, -1) {
			if !slices.Contains(seen, m[2]) {
				seen = append(seen, m[2])
			}
		}
	}
	for _, c := range seen {
		switch c {
		case "s6-svscanctl", "basedir/bin/halt":
			s.lost(file, v.name, key, c+" stops nothing here; keelson boot --exit-with "+v.unitOf()+" ends the container with the service")
		case "with-contenv":
			s.lost(file, v.name, key, c+" finds no /run/s6/container_environment; the container's environment reaches services without it")
		default:
			s.lost(file, v.name, key, c+" finds no s6 to ask; systemctl(1) and dependencies are the way")
		}
	}
}

// environment gives a service what the manager does not: HOME, and the programs of s6-overlay, which its init has put into PATH.
func (s *s6) environment(v *s6Service, texts ...string) {
	v.u.set("Environment", environment("HOME", s.src.home()))
	needed := s.overlay
	for _, t := range texts {
		needed = needed || strings.Contains(t, commandDir+"/")
	}
	if !needed {
		return
	}
	path, ok := s.src.Getenv("PATH")
	if !ok {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	v.u.set("Environment", environment("PATH", commandDir+":"+path))
}

func (s *s6) longrun(v *s6Service) error {
	run, err := s.script(v.dir + "/run")
	if err != nil {
		return fmt.Errorf("a longrun needs a run file: %w", err)
	}
	v.u.set("Type", "exec")
	v.u.set("WorkingDirectory", plain(v.dir))
	finish := v.dir + "/finish"
	hasFinish := s.src.exists(finish)
	finishText, _ := s.src.read(finish)
	s.environment(v, run.text, finishText)
	v.u.set("ExecStart", commandLine("", run.words))
	s.remarkCalls(v, "run", v.dir+"/run", run.text)
	if hasFinish {
		if err := s.finish(v, finish); err != nil {
			return err
		}
	}
	v.u.set("Restart", "always")
	v.u.set("RestartSec", "1s")
	s.limit(v, finishText)
	if t, ok := s.text(v.dir + "/down-signal"); ok {
		sig, ok := parseSignal(t)
		if !ok {
			return fmt.Errorf("%s/down-signal: %q is no signal", v.dir, t)
		}
		if sig != unit.SIGTERM {
			v.u.set("KillSignal", sig.String())
		}
	}
	v.u.set("KillMode", "mixed")
	if err := s.timeouts(v); err != nil {
		return err
	}
	s.longrunRemarks(v)
	return nil
}

func (s *s6) longrunRemarks(v *s6Service) {
	if s.src.exists(v.dir + "/flag-essential") {
		v.u.inUnit("RefuseManualStop", "yes")
	}
	if s.src.exists(v.dir + "/notification-fd") {
		s.lost(v.dir, v.name, "notification-fd", "what waits for the service waits only until it is executed; systemd is told of readiness by sd_notify(3), with Type=notify")
	}
	if s.src.isDir(v.dir + "/log") {
		s.lost(v.dir, v.name, "log", "the journal takes what the service writes; StandardOutput=append:FILE (systemd.exec(5)) is another way")
	}
	for _, name := range s.names(v.dir + "/producer-for") {
		if d := s.services[name]; d == nil || !d.collector {
			s.lost(v.dir, v.name, "producer-for", "the journal takes what it writes, not "+name)
		}
	}
}

// limit writes when to give up: s6-permafailon SECONDS DEATHS EVENTS in finish, among max-death-tally deaths that are remembered.
func (s *s6) limit(v *s6Service, finish string) {
	tally, counted := s.text(v.dir + "/max-death-tally")
	m := permafailon.FindStringSubmatch(finish)
	if m == nil {
		v.u.inUnit("StartLimitIntervalSec", "0")
		if counted {
			s.lost(v.dir, v.name, "max-death-tally", "by itself "+tally+" limits nothing, as finish does not call s6-permafailon")
		}
		return
	}
	v.u.inUnit("StartLimitIntervalSec", m[1]+"s")
	v.u.inUnit("StartLimitBurst", m[2])
	s.note(v.dir+"/finish", v.name, "finish", "s6-permafailon is StartLimitBurst=, which counts all ends, not only "+m[3]+"; take it out of the script, where it fails without s6-supervise")
}

var permafailon = regexp.MustCompile(`s6-permafailon\s+(\d+)\s+(\d+)\s+(\S+)`)

// finish runs the script with the arguments of s6-supervise: exit status or 256, signal or 0, the service's name, its process group. systemd has the first two as
// EXIT_CODE and EXIT_STATUS (systemd.exec(5)), signals by their names.
func (s *s6) finish(v *s6Service, file string) error {
	sc, err := s.script(file)
	if err != nil {
		return err
	}
	const passed = `c=256 s=0; case $EXIT_CODE in exited) c=$EXIT_STATUS;; killed|dumped) s=1; until [ "$(kill -l $s)" = "$EXIT_STATUS" ] || [ $s = 64 ]; do s=$((s+1)); done;; esac; ` +
		`exec "$@" $c $s "$0" 0`
	v.u.set("ExecStopPost", commandLine("-", append(words("/bin/sh", "-c", passed, v.name), sc.words...)))
	s.remarkCalls(v, "finish", file, sc.text)
	if exits125.MatchString(sc.text) {
		s.lost(file, v.name, "finish", "exit status 125 does not hold the service down; RestartPreventExitStatus= (systemd.service(5)) is for statuses of run")
	}
	return nil
}

var exits125 = regexp.MustCompile(`exit\s+125\b`)

// number reads a file with a number of milliseconds.
func (s *s6) number(v *s6Service, key string) (n int, ok bool, err error) {
	t, ok := s.text(v.dir + "/" + key)
	if !ok {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(t); err != nil || n < 0 {
		return 0, false, fmt.Errorf("%s/%s: %q is no number of milliseconds", v.dir, key, t)
	}
	return n, true, nil
}

// timeouts: zero is never for s6, and infinity for systemd.
func (s *s6) timeouts(v *s6Service) error {
	values := map[string]string{}
	for _, key := range []string{"timeout-up", "timeout-down", "timeout-kill", "timeout-finish"} {
		n, ok, err := s.number(v, key)
		if err != nil {
			return err
		}
		if ok {
			values[key] = milliseconds(n)
			if n == 0 {
				values[key] = "infinity"
			}
		}
	}
	if v.kind == oneshot {
		if t, ok := values["timeout-up"]; ok {
			v.u.set("TimeoutStartSec", t)
		}
		t, ok := values["timeout-down"]
		if !ok {
			t = "infinity"
		}
		v.u.set("TimeoutStopSec", t)
		return nil
	}
	kill, killed := values["timeout-kill"]
	down, said := values["timeout-down"]
	switch {
	case killed && kill != "infinity":
		v.u.set("TimeoutStopSec", kill)
	case said:
		v.u.set("TimeoutStopSec", down)
		if down != "infinity" {
			s.note(v.dir, v.name, "timeout-down", "TimeoutStopSec="+down+" kills the service then, where s6-rc gives up")
		}
	case killed:
		v.u.set("TimeoutStopSec", kill)
	}
	if t, ok := values["timeout-finish"]; ok {
		s.lost(v.dir, v.name, "timeout-finish", "TimeoutStopSec= holds for ExecStopPost=, too, instead of "+t)
	}
	return nil
}

func (s *s6) oneshot(v *s6Service) error {
	v.u.set("Type", "oneshot")
	v.u.set("RemainAfterExit", "yes")
	up, down := v.dir+"/up", v.dir+"/down"
	upText, ok := s.text(up)
	if !ok {
		return fmt.Errorf("%s: a oneshot needs an up file", v.dir)
	}
	downText, _ := s.text(down)
	s.environment(v, upText, downText)
	if c := s.execline(v, up, upText); c != nil {
		v.u.set("ExecStart", commandLine("", c))
	} else {
		v.u.set("ExecStart", "/bin/true")
	}
	s.remarkCalls(v, "up", up, upText)
	if c := s.execline(v, down, downText); c != nil {
		v.u.set("ExecStop", commandLine("", c))
		s.remarkCalls(v, "down", down, downText)
	}
	if s.src.exists(v.dir + "/flag-essential") {
		v.u.inUnit("RefuseManualStop", "yes")
	}
	return s.timeouts(v)
}

// execline is the command for an execline script without options: its own words where it is one command that execlineb would only execute. nil if
// the script is empty.
func (s *s6) execline(v *s6Service, file, text string) []word {
	var plainLines []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			plainLines = append(plainLines, l)
		}
	}
	if len(plainLines) == 0 {
		return nil
	}
	list := strings.Fields(strings.Join(plainLines, " "))
	if path.IsAbs(list[0]) && isText(text) && !strings.ContainsAny(strings.Join(list, " "), `"\{}$#`) {
		called, err := s.script(list[0])
		if err != nil {
			return words(list...) // a program of the image that is not here
		}
		s.remarkCalls(v, path.Base(file), list[0], called.text)
		return append(called.words, words(list[1:]...)...)
	}
	return words(s.program("execlineb"), "-P", file)
}

// program finds one of skarnet's programs, which systemd's own search path may lack.
func (s *s6) program(name string) string {
	for _, dir := range []string{commandDir, "/usr/bin", "/bin", "/usr/local/bin"} {
		if s.src.exists(dir + "/" + name) {
			return dir + "/" + name
		}
	}
	return name
}

const contInitTarget = "cont-init.target"

// scripts makes services of cont-init.d, which run one after the other before services.d, or of cont-finish.d, which run one after the other when these have stopped.
func (s *s6) scripts(dir string, start bool) {
	base := strings.TrimSuffix(path.Base(dir), ".d")
	var list []*s6Service
	for _, name := range s.src.list(dir) {
		file := path.Join(dir, name)
		if s.src.isDir(file) || strings.HasPrefix(name, ".") {
			continue
		}
		v := &s6Service{name: base + "/" + name, kind: oneshot}
		v.u = unitFile{name: unitName(base+"-"+name, ".service"), section: "Service", enable: true}
		v.u.inUnit("Description", plain(file))
		sc, err := s.script(file)
		if err != nil {
			s.lost(file, "", "", err.Error())
			continue
		}
		v.u.set("Type", "oneshot")
		v.u.set("RemainAfterExit", "yes")
		s.environment(v, sc.text)
		if start {
			v.u.set("ExecStart", commandLine("", sc.words))
		} else {
			v.u.set("ExecStart", "/bin/true")
			v.u.set("ExecStop", commandLine("", sc.words))
			v.u.set("TimeoutStopSec", "infinity")
		}
		s.remarkCalls(v, path.Base(dir), file, sc.text)
		v.u.wantedBy("multi-user.target")
		list = append(list, v)
	}
	if len(list) == 0 {
		return
	}
	if !start {
		// What starts first stops last.
		for i, v := range list {
			if i+1 < len(list) {
				v.u.after(list[i+1].u.name)
			}
			for _, o := range s.order {
				if o.kind != bundle && !o.collector && o.dir != "" {
					v.u.inUnit("Before", o.unitOf())
				}
			}
		}
		s.order = append(s.order, list...)
		return
	}
	s.contInit = true
	target := &s6Service{name: "cont-init", kind: bundle, u: unitFile{name: contInitTarget}}
	target.u.inUnit("Description", "the scripts of "+plain(dir))
	for i, v := range list {
		if i > 0 {
			v.u.after(list[i-1].u.name)
		}
		target.u.inUnit("Wants", v.u.name)
	}
	target.u.wantedBy("multi-user.target")
	s.order = append(s.order, append(list, target)...)
}
