package convert

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

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
