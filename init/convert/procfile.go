package convert

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Line is one of a Procfile.
type Line struct {
	Name    string
	Command string // for a shell
	Number  int
}

// Foreman gives the first process this port, and each further one a hundred more.
const (
	firstPort = 5000
	portStep  = 100
)

var procfileRows = []row{
	{"`NAME: COMMAND`", "`NAME.service`: `ExecStart=`, by `/bin/sh -c` only where the command has shell syntax; `Restart=on-failure`, as `keelson supervise` has it"},
	{"`$PORT`", "`Environment=PORT=5000`, and 100 more for each further line, as Foreman has it"},
	{"`.env` beside it", "`EnvironmentFile=`"},
	{"`$HOME`", "`Environment=HOME=`, that of the import"},
	{"where Foreman is started", "`WorkingDirectory=`, the Procfile's folder"},
	{"`release`", "a service that is not among those to enable; Heroku runs it once for each release"},
}

// shellSyntax are characters that make a command one for a shell.
const shellSyntax = "|&;<>()$`\\\"'*?[]{}#~=!\n"

// Procfile converts the lines of a Procfile. file is its absolute path.
func Procfile(src Source, file string, lines []Line) (Result, error) {
	var r Result
	dir := path.Dir(file)
	for i, l := range lines {
		u := unitFile{name: unitName(l.Name, ".service"), section: "Service", enable: true}
		u.inUnit("Description", plain(l.Name))
		u.set("Type", "exec")
		u.set("WorkingDirectory", plain(dir))
		if !isText(l.Command) {
			return r, fmt.Errorf("%s:%d: it is no text", file, l.Number)
		}
		u.set("Environment", environment("HOME", src.home()))
		u.set("Environment", environment("PORT", strconv.Itoa(firstPort+i*portStep)))
		if env := path.Join(dir, ".env"); src.exists(env) {
			u.set("EnvironmentFile", plain(env))
		}
		u.set("ExecStart", procfileCommand(dir, l.Command))
		restart := "on-failure"
		if l.Name == "release" {
			restart = "no"
		}
		u.set("Restart", restart)
		u.wantedBy("multi-user.target")
		if strings.Contains(l.Command, "$PORT") || strings.Contains(l.Command, "${PORT") {
			r.Remarks = append(r.Remarks, Remark{File: file, Line: l.Number, Of: l.Name, Key: "PORT", Text: "it is " + strconv.Itoa(firstPort+i*portStep) + ", as Foreman numbers processes"})
		}
		if l.Name == "release" {
			u.enable = false
			r.Remarks = append(r.Remarks, Remark{File: file, Line: l.Number, Of: l.Name, Text: "nothing runs it once for each release; systemctl start " + u.name + " does", Lost: true})
		}
		made, err := u.finish()
		if err == nil {
			err = r.add(made)
		}
		if err != nil {
			return r, fmt.Errorf("%s:%d: %w", file, l.Number, err)
		}
	}
	return r, nil
}

// procfileCommand is ExecStart= of a shell's command: without the shell where that would only split it into words.
func procfileCommand(dir, command string) string {
	list := strings.Fields(command)
	if len(list) > 1 && list[0] == "exec" {
		list = list[1:]
	}
	switch program := list[0]; {
	case strings.ContainsAny(command, shellSyntax) || shellOnly[program]:
		return commandLine("", words("/bin/sh", "-c", command))
	case strings.Contains(program, "/") && !path.IsAbs(program):
		return commandLine("@", words(append([]string{path.Join(dir, program)}, list...)...))
	}
	return commandLine("", words(list...))
}

// shellOnly are words that are no programs.
var shellOnly = map[string]bool{
	".": true, ":": true, "alias": true, "case": true, "cd": true, "eval": true, "exec": true, "exit": true, "export": true, "for": true, "if": true,
	"read": true, "set": true, "source": true, "trap": true, "ulimit": true, "umask": true, "unset": true, "until": true, "wait": true, "while": true,
}
