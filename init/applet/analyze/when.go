package analyze

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"keelson/init/applet"
	"keelson/supervise/calendar"
)

func (p *program) zones() calendar.Zones {
	return calendar.Zones{Local: p.Location(), Load: time.LoadLocation}
}

func (p *program) setIterations(s string) error {
	n, err := strconv.ParseUint(s, 0, 31)
	if err != nil {
		return p.Tell("Failed to parse iterations: %s", s)
	}
	p.iterations = int(n)
	return nil
}

func (p *program) setBase(s string) error {
	u, err := calendar.ParseTimestamp(s, p.Time(), p.zones())
	if err != nil {
		return p.Tell("Failed to parse --base-time= parameter: %s", s)
	}
	p.base, p.hasBase = u.Time(), true
	return nil
}

// why is what the C library says of what cannot be read.
func why(err error) string {
	if errors.Is(err, calendar.ErrRange) {
		return "Numerical result out of range"
	}
	return "Invalid argument"
}

// utc tells whether times are shown in UTC anyway.
func (p *program) utc(t time.Time) bool {
	name, offset := t.In(p.Location()).Zone()
	return offset == 0 && (name == "UTC" || name == "GMT" || name == "")
}

// each calls f for each argument, with blank lines between. The first failure is the exit status; the others are tried.
func (p *program) each(args []string, f func(string) error) int {
	status := 0
	for i, a := range args {
		if f(a) != nil {
			status = 1
		}
		if i+1 < len(args) {
			p.Print("\n")
		}
	}
	return status
}

func (p *program) calendar(args []string) int {
	from := p.Time()
	if p.hasBase {
		from = p.base
	}
	return p.each(args, func(text string) error {
		spec, err := calendar.Parse(text, p.zones())
		if err != nil {
			return p.Tell("Failed to parse calendar specification '%s': %s", text, why(err))
		}
		t := pairs()
		if s := spec.String(); s != text {
			t.Add(label("Original form:"), applet.Text(text))
		}
		t.Add(label("Normalized form:"), applet.Text(spec.String()))
		at := from
		for i := range p.iterations {
			next, ok := spec.Next(at)
			if !ok {
				if i == 0 {
					t.Add(label("Next elapse:"), cell("never", applet.HighlightYellow))
				}
				break
			}
			what := "Next elapse:"
			if i > 0 {
				what = fmt.Sprintf("Iter. #%d:", i+1)
			}
			p.addTime(t, what, calendar.FromTime(next))
			t.Add(label("From now:"), applet.Text(calendar.FormatRelative(calendar.FromTime(next), calendar.FromTime(p.Time()))))
			at = next
		}
		t.Print(p.Host)
		return nil
	})
}

// addTime adds a point in time, and the same in UTC where that is another.
func (p *program) addTime(t *applet.Table, what string, u calendar.Usec) {
	t.Add(label(what), cell(calendar.FormatTimestamp(u, calendar.StylePretty, p.Location()), applet.HighlightBlue))
	if !p.utc(u.Time()) {
		t.Add(label("(in UTC):"), applet.Text(calendar.FormatTimestamp(u, calendar.StyleUTC, nil)))
	}
}

func (p *program) timestamp(args []string) int {
	return p.each(args, func(text string) error {
		u, err := calendar.ParseTimestamp(text, p.Time(), p.zones())
		if err != nil {
			return p.Tell("Failed to parse \"%s\": %s", text, why(err))
		}
		t := pairs()
		t.Add(label("Original form:"), applet.Text(text))
		p.addTime(t, "Normalized form:", u)
		seconds := fmt.Sprintf("@%d", u/calendar.Second)
		if rest := u % calendar.Second; rest != 0 {
			seconds += fmt.Sprintf(".%06d", rest)
		}
		t.Add(label("UNIX seconds:"), applet.Text(seconds))
		t.Add(label("From now:"), applet.Text(calendar.FormatRelative(u, calendar.FromTime(p.Time()))))
		t.Print(p.Host)
		return nil
	})
}

func (p *program) timespan(args []string) int {
	for i, text := range args {
		u, err := calendar.ParseSec(text)
		if err != nil {
			return p.Fail("Failed to parse time span '%s': %s", text, why(err))
		}
		micro := "us:"
		if p.UTF8() {
			micro = "μs:"
		}
		t := pairs()
		t.Add(label("Original:"), applet.Text(text))
		t.Add(label(micro), applet.Text(strconv.FormatUint(uint64(u), 10)))
		t.Add(label("Human:"), cell(u.String(), applet.Highlight))
		t.Print(p.Host)
		if i+1 < len(args) {
			p.Print("\n")
		}
	}
	return 0
}
