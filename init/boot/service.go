package boot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keelson/supervise/unit"
)

// A Service is a plain command that is run as one, without a unit file (keelson supervise).
type Service struct {
	Name    string
	Command []string
	Restart string
	Line    int // of the Procfile that it is from
}

// Unit is the name of its unit.
func (s Service) Unit() string { return unit.Escape(s.Name) + ".service" }

// restarts are what Restart= may be.
var restarts = []string{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}

// Check says what is wrong with it.
func (s Service) Check() error {
	switch {
	case !slices.Contains(restarts, s.Restart):
		return fmt.Errorf("%q is not one of %s", s.Restart, strings.Join(restarts, ", "))
	case !unit.ValidName(s.Unit(), unit.PlainName):
		return errors.New("its name cannot be a unit's")
	}
	return nil
}

// Text is its unit file.
func (s Service) Text() string {
	return "[Unit]\nDescription=" + s.Name + "\n[Service]\nType=exec\nRestart=" + s.Restart + "\nExecStart=:" + quoteAll(s.Command) + "\n"
}

// procLine is a line of a Procfile.
var procLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(\S.*)$`)

// ReadProcfile reads services, one a line. Empty lines and comments are passed over.
func ReadProcfile(file, text, restart string) ([]Service, error) {
	var list []Service
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		m := procLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: %q is not NAME: COMMAND", file, i+1, line)
		}
		if slices.ContainsFunc(list, func(s Service) bool { return s.Name == m[1] }) {
			return nil, fmt.Errorf("%s:%d: there is a service %q already", file, i+1, m[1])
		}
		list = append(list, Service{m[1], []string{"/bin/sh", "-c", m[2]}, restart, i + 1})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no service in it", file)
	}
	return list, nil
}
