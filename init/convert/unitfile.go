package convert

import (
	"fmt"
	"slices"
	"strings"

	"keelson/supervise/unit"
)

// line is KEY=VALUE of a unit file, the value as it stands there.
type line struct{ key, value string }

// unitFile is a unit in the making.
type unitFile struct {
	name    string
	unit    []line // [Unit]
	section string // the type's own: "Service", "Socket", "" for targets
	main    []line
	install []line
	enable  bool
}

// inUnit adds to [Unit]. What is there already is not said twice.
func (u *unitFile) inUnit(key, value string) {
	if l := (line{key, value}); !slices.Contains(u.unit, l) {
		u.unit = append(u.unit, l)
	}
}

func (u *unitFile) set(key, value string) { u.main = append(u.main, line{key, value}) }

// wantedBy adds the section of a unit that is started with the container.
func (u *unitFile) wantedBy(target string) { u.install = append(u.install, line{"WantedBy", target}) }

// after orders the unit behind others, one line each.
func (u *unitFile) after(names ...string) {
	for _, n := range names {
		u.inUnit("After", n)
	}
}

// finish is the unit's text. Values that are no words have no way to write what ends a line or goes on with it.
func (u *unitFile) finish() (Unit, error) {
	var b strings.Builder
	for _, s := range []struct {
		name  string
		lines []line
	}{{"Unit", u.unit}, {u.section, u.main}, {"Install", u.install}} {
		if len(s.lines) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("[" + s.name + "]\n")
		for _, l := range s.lines {
			if strings.ContainsAny(l.value, "\n\r\x00") || strings.HasSuffix(l.value, `\`) {
				return Unit{}, fmt.Errorf("%s: %q cannot be written as %s=", u.name, l.value, l.key)
			}
			b.WriteString(l.key + "=" + strings.ReplaceAll(l.value, hostName, "%H") + "\n")
		}
	}
	return Unit{u.name, b.String(), u.enable}, nil
}

// unitName is a name that systemd takes, with the type's suffix: what it does not take becomes an underscore (systemd.unit(5)).
func unitName(name, suffix string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(":-_.", r)) {
			return r
		}
		return '_'
	}, name) + suffix
}

// targetName is the target of a group. What systemd knows under a name of its own is not taken over.
func targetName(prefix, name string) string {
	target := unitName(name, ".target")
	if slices.Contains(unit.Builtins(), target) || target == "default.target" || strings.HasPrefix(target, "runlevel") {
		return prefix + target
	}
	return target
}

// plain is text in a value that is neither split nor unquoted: only specifiers are escaped.
func plain(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quoteWord is a word for systemd's own splitting. Nothing is done about variables.
func quoteWord(w string) string { return unit.QuoteWord(w, hostName) }

// environment is a value of Environment=.
func environment(name, value string) string { return quoteWord(name + "=" + value) }

// mark encloses the name of a variable in a word, where the name's value is to stand when the command is run. It is in no file that anyone reads.
const mark = "\x00"

// hostName stands for the name of the machine, which is a specifier in unit files.
const hostName = "\x01"

// isText tells whether a text has neither of them.
func isText(s string) bool { return !strings.ContainsAny(s, mark+hostName) }

// word is one of a command line.
type word struct {
	text   string // with variables between marks
	quoted bool   // some of it was in quotes: a variable's value is not split
}

// words are words without variables.
func words(list ...string) []word {
	out := make([]word, len(list))
	for i, w := range list {
		out[i].text = w
	}
	return out
}

// hasVariable tells whether a text has one.
func hasVariable(s string) bool { return strings.Contains(s, mark) }

// commandLine is a value of Exec*= (systemd.service(5), "Command lines"). Where no word has a variable and a dollar sign stands for itself, the
// prefix ":" says so; otherwise it is doubled.
func commandLine(prefix string, list []word) string {
	variables, dollars := false, false
	for _, w := range list {
		variables = variables || hasVariable(w.text)
		dollars = dollars || strings.Contains(w.text, "$")
	}
	if dollars && !variables {
		prefix += ":"
	}
	out := make([]string, len(list))
	for i, w := range list {
		s := w.text
		if variables {
			s = withVariables(w, i > 0)
		}
		out[i] = quoteWord(s)
	}
	return prefix + strings.Join(out, " ")
}

// withVariables writes a word's variables as systemd expands them: $NAME as a word of its own is split, ${NAME} is not.
func withVariables(w word, split bool) string {
	parts := strings.Split(w.text, mark)
	if split && !w.quoted && len(parts) == 3 && parts[0] == "" && parts[2] == "" {
		return "$" + parts[1]
	}
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 1 {
			b.WriteString("${" + p + "}")
		} else {
			b.WriteString(strings.ReplaceAll(p, "$", "$$"))
		}
	}
	return b.String()
}

// seconds is a number of seconds as a time span.
func seconds(n int) string { return fmt.Sprintf("%ds", n) }

// milliseconds is a time span of so many.
func milliseconds(n int) string {
	if n%1000 == 0 {
		return seconds(n / 1000)
	}
	return fmt.Sprintf("%dms", n)
}
