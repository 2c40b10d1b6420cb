// Package escape is systemd-escape(1): text to parts of unit names and back.
package escape

import (
	"path"
	"strings"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

const help = `[OPTIONS…] [NAME…]

Escapes text for unit names.

  -h --help              This text
     --version           The version
     --suffix=SUFFIX     Append a unit type
     --template=TEMPLATE Make an instance of a template
     --instance          With --unescape: the instance of a unit name
  -u --unescape          The other way round
  -m --mangle            As systemctl does with what is typed
  -p --path              The text is a path
`

// program is one call.
type program struct {
	*applet.Host
	suffix, template                 string
	instance, unescape, mangle, path bool
}

// Main is the program; args[0] is its name.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.Flush()
	p := &program{Host: h}
	rest, status, ok := h.Read(args[1:], append(h.About(help),
		applet.Value("suffix", 0, p.setSuffix),
		applet.Value("template", 0, p.setTemplate),
		applet.Switch("unescape", 'u', func() { p.unescape, p.mangle = true, false }),
		applet.Switch("mangle", 'm', func() { p.mangle, p.unescape = true, false }),
		applet.Switch("path", 'p', func() { p.path = true }),
		applet.Switch("instance", 'i', func() { p.instance = true }),
	), applet.Permute)
	if !ok {
		return status
	}
	if conflict := p.conflict(rest); conflict != "" {
		return h.Fail("%s", conflict)
	}
	words := make([]string, len(rest))
	for i, s := range rest {
		w, err := p.convert(s)
		if err != nil {
			return 1
		}
		words[i] = w
	}
	h.Puts(strings.Join(words, " "))
	return 0
}

func (p *program) setSuffix(s string) error {
	for _, t := range unit.Types() {
		if t.String() == s {
			p.suffix = s
			return nil
		}
	}
	return p.Tell("Invalid unit suffix type \"%s\".", s)
}

func (p *program) setTemplate(s string) error {
	if !unit.ValidName(s, unit.TemplateName) {
		return p.Tell("Template name %s is not valid.", s)
	}
	p.template = s
	return nil
}

// conflict is what is said of options that exclude each other.
func (p *program) conflict(rest []string) string {
	switch {
	case len(rest) == 0:
		return "Not enough arguments."
	case p.template != "" && p.suffix != "":
		return "--suffix= and --template= may not be combined."
	case (p.template != "" || p.suffix != "") && p.mangle:
		return "--suffix= and --template= are not compatible with --mangle."
	case p.suffix != "" && p.unescape:
		return "--suffix is not compatible with --unescape."
	case p.path && p.mangle:
		return "--path may not be combined with --mangle."
	case p.instance && !p.unescape:
		return "--instance must be used in conjunction with --unescape."
	case p.instance && p.template != "":
		return "--instance may not be combined with --template."
	}
	return ""
}

func (p *program) convert(s string) (string, error) {
	switch {
	case p.unescape:
		return p.unescaped(s)
	case p.mangle:
		name, err := unit.Mangle(s, false)
		if err != nil {
			return "", p.Tell("Failed to mangle name: Invalid argument")
		}
		return name, nil
	}
	e := ""
	if p.path {
		var err error
		if e, err = p.escapedPath(s); err != nil {
			return "", err
		}
	} else {
		e = unit.Escape(s)
	}
	switch {
	case p.template != "":
		name, err := unit.Instantiate(p.template, e)
		if err != nil {
			return "", p.Tell("Failed to replace instance: Invalid argument")
		}
		return name, nil
	case p.suffix != "":
		return e + "." + p.suffix, nil
	}
	return e, nil
}

// Limits of paths (path_is_valid of src/basic/path-util.c), in bytes.
const (
	pathMax = 4095
	nameMax = 255
)

func validPath(s string) bool {
	if s == "" || len(s) > pathMax {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if len(part) > nameMax {
			return false
		}
	}
	return true
}

func (p *program) escapedPath(s string) (string, error) {
	e, err := unit.EscapePath(s)
	switch {
	case err == nil && !validPath(s):
		p.Warnf("Input '%s' is not a valid file system path, escaping is likely not going be reversible.", s)
	case err == nil && !path.IsAbs(s):
		p.Warnf("Input '%s' is not an absolute file system path, escaping is likely not going to be reversible.", s)
	case err == nil:
	case !validPath(s):
		err = p.Tell("Input '%s' is not a valid file system path, failed to escape.", s)
	case !path.IsAbs(s):
		err = p.Tell("Input '%s' is not an absolute file system path, failed to escape.", s)
	default:
		err = p.Tell("Input '%s' is not a normalized file system path, failed to escape.", s)
	}
	return e, err
}

// instanceOf is the instance in a unit's name, of the template that is asked for.
func (p *program) instanceOf(s string) (string, error) {
	_, instance, _, kind, ok := unit.SplitName(s)
	switch {
	case !ok:
		return "", p.Tell("Failed to extract instance: Invalid argument")
	case kind != unit.InstanceName:
		return "", p.Tell("Unit %s is missing the instance name.", s)
	}
	if t, _ := unit.TemplateOf(s); p.template != "" && t != p.template {
		return "", p.Tell("Unit %s template %s does not match specified template %s.", s, t, p.template)
	}
	return instance, nil
}

func (p *program) unescaped(s string) (string, error) {
	var err error
	if p.template != "" || p.instance {
		if s, err = p.instanceOf(s); err != nil {
			return "", err
		}
	}
	if p.path {
		s, err = unit.UnescapePath(s)
	} else {
		s, err = unit.Unescape(s)
	}
	if err != nil {
		return "", p.Tell("Failed to unescape string: Invalid argument")
	}
	return s, nil
}
