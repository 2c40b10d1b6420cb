package systemctl

import (
	"encoding/hex"
	"os/exec"
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// lookupBytes is a property that is an array of bytes, in hexadecimal digits; false if it is empty.
func lookupBytes(p manager.Properties, name string) (string, bool) {
	for _, q := range p {
		if q.Name == name {
			b, _ := q.Value.Value().([]byte)
			return hex.EncodeToString(b), len(b) > 0
		}
	}
	return "", false
}

// manual shows the manual pages that a unit names (show_unit_help of systemctl-show.c).
func (s *showing) manual(p manager.Properties) {
	docs := p.Strings("Documentation")
	if len(docs) == 0 {
		s.Infof("Documentation for %s not known.", p.String("Id"))
		return
	}
	for _, d := range docs {
		page, ok := strings.CutPrefix(d, "man:")
		if !ok {
			s.Infof("Can't show: %s", d)
			continue
		}
		args := []string{page}
		if name, section, ok := strings.Cut(strings.TrimSuffix(page, ")"), "("); ok && strings.HasSuffix(page, ")") {
			args = []string{section, name}
		}
		if err := s.execute("man", args...); err != nil {
			s.Errorf("Failed to execute man: %s", applet.Cause(err))
		}
	}
}

// execute runs a program of the machine's in the foreground. Its own exit status is its own affair; the error says that it did not run.
func (c *ctl) execute(name string, args ...string) error {
	c.Flush()
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = c.Stdin, c.Stdout, c.Stderr, c.Environ
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); exited {
		return nil
	}
	return err
}
