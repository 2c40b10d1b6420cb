package unit

import (
	"slices"
	"strings"

	"keelson/supervise/calendar"
)

func workingDirectory() form {
	return form{"absolute path or ~", func(a *assignment) {
		e, p := a.u.Exec, a.value
		if p == "" {
			e.WorkingDirectory, e.WorkingDirectoryHome = "", false
			return
		}
		p, missingOK := strings.CutPrefix(p, "-")
		home := p == "~"
		if home {
			p = ""
		} else {
			s, err := a.spec.expand(p, allSpecifiers, pathMax)
			if err != nil && missingOK {
				a.warn("Failed to resolve unit specifiers in working directory path '%s', ignoring: %v", p, err)
				return
			} else if err != nil {
				a.refuse("Failed to resolve unit specifiers in working directory path '%s': %v", p, err)
				return
			}
			var ok bool
			if p, ok = a.checkPath(s, pathAbsolute, !missingOK); !ok {
				a.refused = a.refused || !missingOK
				return
			}
		}
		e.WorkingDirectory, e.WorkingDirectoryHome, e.WorkingDirectoryMissingOK = p, home, missingOK
	}}
}

func environment() form {
	return assignments(func(a *assignment) *[]string { return &a.u.Exec.Environment },
		func(a *assignment, w string) (string, error) { return a.spec.expand(w, allSpecifiers, argMax) })
}

// assignments is a list of variables with values, whose words expand expands the specifiers of.
func assignments(of func(*assignment) *[]string, expand func(a *assignment, w string) (string, error)) form {
	return form{"list of assignments", func(a *assignment) {
		list := of(a)
		if a.value == "" {
			*list = nil
			return
		}
		a.words(cUnescape|unquote, func(w string) {
			s, err := expand(a, w)
			switch {
			case err != nil:
				a.warn("Failed to resolve specifiers in %s, ignoring: %v", w, err)
			case !ValidAssignment(s):
				a.warn("Invalid environment assignment, ignoring: %s", s)
			default:
				*list = SetVariable(*list, s)
			}
		})
	}}
}

func environmentFile() form {
	return form{"absolute path", func(a *assignment) {
		list := &a.u.Exec.EnvironmentFiles
		if a.value == "" {
			*list = nil
			return
		}
		s, ok := a.expand(a.value, pathMax+1)
		if !ok {
			return
		}
		s, optional := strings.CutPrefix(s, "-")
		if s, ok = a.checkPath(s, pathAbsolute, false); ok {
			*list = append(*list, EnvironmentFile{s, optional})
		}
	}}
}

// variableNames is PassEnvironment=, and with assignments UnsetEnvironment=.
func variableNames(f field[[]string], assignments bool) form {
	flags, name, what := unquote, "list of variable names", "Invalid environment name for %s, ignoring: %s"
	if assignments {
		flags, name, what = unquote|cUnescape, "list of variable names or assignments", "Invalid environment name or assignment %s, ignoring: %s"
	}
	return form{name, func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		err := eachWord(a.value, flags, func(w string) {
			s, err := a.spec.expand(w, allSpecifiers, argMax)
			switch {
			case err != nil:
				a.warn("Failed to resolve unit specifiers in %s, ignoring: %v", w, err)
			case !ValidVariableName(s) && !(assignments && ValidAssignment(s)):
				a.warn(what, a.key, s)
			case !slices.Contains(*list, s):
				*list = append(*list, s)
			}
		})
		if err != nil {
			a.warn("Trailing garbage in %s, ignoring: %s", a.key, a.value)
		}
	}}
}

// passEnvironment is PassEnvironment=, of which it counts that it was given at all.
func passEnvironment() form {
	names := variableNames(func(u *Unit) *[]string { return &u.Exec.PassEnvironment }, false)
	return form{names.name, func(a *assignment) {
		a.u.Exec.PassesChosen = true
		names.parse(a)
	}}
}

// validCredential: a name that fits a file and a descriptor.
func validCredential(s string) bool { return validFileName(s) && validFDName(s) }

// credentialID takes the ID off "ID:rest".
func (a *assignment) credentialID() (id, rest string, ok bool) {
	word, rest, _ := strings.Cut(a.value, ":")
	id, err := a.spec.expand(word, allSpecifiers, 255)
	if err != nil {
		a.warn("Failed to resolve unit specifiers in \"%s\", ignoring: %v", word, err)
		return "", "", false
	}
	if !validCredential(id) {
		a.warn("Credential name \"%s\" not valid, ignoring.", id)
		return "", "", false
	}
	return id, rest, true
}

func putCredential(list []Credential, c Credential) []Credential {
	for i := range list {
		if list[i].ID == c.ID {
			list[i] = c
			return list
		}
	}
	return append(list, c)
}

func setCredential(encrypted bool) form {
	return form{"ID:content", func(a *assignment) {
		list := &a.u.Exec.SetCredentials
		if a.value == "" {
			*list = nil
			return
		}
		id, rest, ok := a.credentialID()
		if !ok {
			return
		}
		if rest == "" {
			a.warn("Invalid syntax, ignoring: %s", a.value)
			return
		}
		c := Credential{ID: id, Encrypted: encrypted}
		if encrypted {
			if c.Data, ok = decodeBase64(rest); !ok {
				a.warn("Encrypted credential data not valid Base64 data, ignoring.")
				return
			}
		} else {
			data, err := unescapeC(rest, true)
			if err != nil {
				a.warn("Can't unescape \"%s\", ignoring: %v", rest, err)
				return
			}
			c.Data = data
		}
		*list = putCredential(*list, c)
	}}
}

func loadCredential(encrypted bool) form {
	return form{"ID or ID:path", func(a *assignment) {
		list := &a.u.Exec.LoadCredentials
		if a.value == "" {
			*list = nil
			return
		}
		id, rest, ok := a.credentialID()
		if !ok {
			return
		}
		source := id
		if rest != "" {
			s, err := a.spec.expand(rest, allSpecifiers, pathMax)
			if err != nil {
				a.warn("Failed to resolve unit specifiers in \"%s\", ignoring: %v", rest, err)
				return
			}
			if strings.HasPrefix(s, "/") && !normalizedPath(s) || !strings.HasPrefix(s, "/") && !validCredential(s) {
				a.warn("Credential source \"%s\" not valid, ignoring.", s)
				return
			}
			source = s
		}
		*list = putCredential(*list, Credential{ID: id, Encrypted: encrypted, Source: source, Load: true})
	}}
}

// directories is one of the *Directory= lists: "path" or "path:link" relative to the kind's base.
func directories(k DirectoryKind) form {
	return form{"list of relative paths", func(a *assignment) {
		d := &a.u.Exec.Directories[k]
		if a.value == "" {
			d.List = nil
			return
		}
		a.words(unquote|retainEscapes, func(w string) { a.directory(d, k, w) })
	}}
}

func (a *assignment) directory(d *Directories, k DirectoryKind, tuple string) {
	c := cursor{s: tuple}
	src, ok, err := c.word(":", cUnescape|unescapeSeparators)
	var dest string
	if err == nil && ok {
		dest, _, err = c.word(":", cUnescape|unescapeSeparators)
	}
	if !ok || err != nil {
		a.warn("Invalid syntax in %s=, ignoring: %s", a.key, tuple)
		return
	}
	relative := func(s string) (string, bool) {
		p, err := a.spec.expand(s, allSpecifiers, pathMax)
		if err != nil {
			a.warn("Failed to resolve unit specifiers in \"%s\", ignoring: %v", s, err)
			return "", false
		}
		return a.checkPath(p, pathRelative, false)
	}
	if src, ok = relative(src); !ok {
		return
	}
	if src == "private" || strings.HasPrefix(src, "private/") {
		a.warn("%s= path can't be 'private', ignoring assignment: %s", a.key, tuple)
		return
	}
	if dest != "" {
		if k == ConfigurationDirectory {
			a.warn("Destination parameter is not supported for ConfigurationDirectory, ignoring: %s", tuple)
			return
		}
		if dest, ok = relative(dest); !ok {
			return
		}
	}
	at := slices.IndexFunc(d.List, func(e Directory) bool { return e.Path == src })
	if at < 0 {
		at = len(d.List)
		d.List = append(d.List, Directory{Path: src})
	}
	if e := &d.List[at]; dest != "" && !slices.Contains(e.Symlinks, dest) {
		e.Symlinks = append(e.Symlinks, dest)
	}
}

func searchPath() form {
	return form{"colon-separated absolute paths", func(a *assignment) {
		list := &a.u.Exec.ExecSearchPath
		if a.value == "" {
			*list = nil
			return
		}
		c := cursor{s: a.value}
		for {
			w, ok, err := c.word(":", eachSeparator)
			if err != nil {
				a.warn("Failed to extract first word, ignoring: %s", a.value)
			}
			if !ok || err != nil {
				return
			}
			p, ok := a.expandPath(w)
			if !ok {
				return
			}
			*list = append(*list, p)
		}
	}}
}

func rlimit(k RlimitKind) form {
	return form{"resource limit", func(a *assignment) {
		v, err := ParseRlimit(k, a.value)
		switch err {
		case nil:
			a.u.Exec.Rlimits[k] = Bound[Rlimit]{true, v}
		case errSoftAboveHard:
			a.warn("Soft resource limit chosen higher than hard limit, ignoring: %s", a.value)
		default:
			a.warn("Failed to parse resource value, ignoring: %s", a.value)
		}
	}}
}

func timerSlack() form {
	return form{"time span in nanoseconds", func(a *assignment) {
		v, err := calendar.ParseNsec(a.value)
		if err != nil {
			a.warn("Failed to parse nsec value, ignoring: %s", a.value)
			return
		}
		a.u.Exec.TimerSlack = Bound[uint64]{v != calendar.NsecInfinity, uint64(v)}
	}}
}
