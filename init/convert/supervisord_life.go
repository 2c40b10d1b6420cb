package convert

import (
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

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
		if secs > 0 && retries > 0 {
			p.lost("autorestart", "a command that ends within startsecs is not tried again either; startretries=0 says the same to supervisord")
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
