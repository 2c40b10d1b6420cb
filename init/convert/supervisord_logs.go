package convert

import (
	"path"
	"strconv"
	"strings"
)

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
