package unit

import "strings"

// parseCommands reads the value of an Exec*= directive, which may hold several commands (systemd.service(5), "Command
// lines"; config_parse_exec in src/core/load-fragment.c). Commands before a broken one are kept. What is broken in a
// command whose failure is to be ignored is only warned about; else the unit is refused.
func (a *assignment) parseCommands(list []Command) []Command {
	c := cursor{s: a.value}
	for {
		first, ok := a.commandWord(&c, c.s)
		if !ok {
			return list
		}
		if first == ";" {
			continue
		}
		cmd, more, ok := a.parseCommand(first, &c)
		if !ok {
			return list
		}
		list = append(list, cmd)
		if !more {
			return list
		}
	}
}

// commandWord takes a word of a command line. Unknown escape sequences are kept, with a warning; open quotes end the line.
func (a *assignment) commandWord(c *cursor, rest string) (string, bool) {
	save := *c
	w, ok, err := c.word("", unquote|cUnescape)
	if err == nil {
		return w, ok
	}
	*c = save
	if w, ok, err = c.word("", unquote|cUnescape|unescapeRelaxed); err == nil {
		a.warn("Ignoring unknown escape sequences: \"%s\"", w)
		return w, ok
	}
	c.s, c.done = "", false // tells an error from the end
	a.remark(Error, "Unbalanced quoting, ignoring: \"%s\"", rest)
	return "", false
}

// parseCommand reads the command that begins with the word first. more tells whether a lone semicolon followed it.
func (a *assignment) parseCommand(first string, c *cursor) (cmd Command, more, ok bool) {
	first, flags, argv0 := cutPrefixes(first)
	rest := c.s
	// broken is for all that is wrong with a command.
	broken := func(format string, arg ...any) (Command, bool, bool) {
		if flags&IgnoreFailure != 0 {
			a.warn(strings.Replace(format, "{}", ", ignoring", 1), arg...)
		} else {
			a.refuse(strings.Replace(format, "{}", "", 1), arg...)
		}
		return Command{}, false, false
	}
	path, err := a.spec.expand(first, allSpecifiers, pathMax)
	switch {
	case err != nil:
		return broken("Failed to resolve unit specifiers in '%s'{}: %v", first, err)
	case path == "":
		return broken("Empty path in command line{}: '%s'", a.value)
	case !safeString(path):
		return broken("Executable name contains special characters{}: %s", path)
	case path[len(path)-1] == '/':
		return broken("Executable path specifies a directory{}: %s", path)
	case path[0] == '/' && !validPath(path) || path[0] != '/' && !validFileName(path):
		return broken("Neither a valid executable name nor an absolute path{}: %s", path)
	}
	cmd = Command{Path: simplifyPath(path), Flags: flags}
	if !argv0 {
		cmd.Argv = append(make([]string, 0, 1+strings.Count(rest, " ")), path)
	}
	for !c.done && c.s != "" {
		if lone(c.s, ";") {
			c.s = strings.TrimLeft(c.s[1:], whitespace)
			more = true
			break
		}
		if lone(c.s, `\;`) {
			c.s = strings.TrimLeft(c.s[2:], whitespace)
			cmd.Argv = append(cmd.Argv, ";")
			continue
		}
		w, found := a.commandWord(c, rest)
		if !found {
			if c.done {
				break
			}
			a.refused = a.refused || flags&IgnoreFailure == 0
			return Command{}, false, false
		}
		arg, err := a.spec.expand(w, allSpecifiers, lineMax)
		if err != nil {
			return broken("Failed to resolve unit specifiers in %s{}: %v", w, err)
		}
		cmd.Argv = append(cmd.Argv, arg)
	}
	if len(cmd.Argv) == 0 {
		return broken("Empty executable name or zeroeth argument{}: %s", a.value)
	}
	return cmd, more, true
}

// lone tells whether s starts with a token that white space or the end follows.
func lone(s, token string) bool {
	rest, ok := strings.CutPrefix(s, token)
	return ok && (rest == "" || strings.IndexByte(whitespace, rest[0]) >= 0)
}

// cutPrefixes reads the special characters before a command (systemd.service(5), table "Special executable prefixes").
// Each counts once, "!" twice as "!!", and "+" excludes it; the first that does not count is part of the path.
func cutPrefixes(s string) (rest string, flags CommandFlags, argv0 bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-' && flags&IgnoreFailure == 0:
			flags |= IgnoreFailure
		case c == '@' && !argv0:
			argv0 = true
		case c == ':' && flags&NoEnvExpand == 0:
			flags |= NoEnvExpand
		case c == '+' && flags&(FullyPrivileged|NoSetuid|AmbientMagic) == 0:
			flags |= FullyPrivileged
		case c == '!' && flags&(FullyPrivileged|NoSetuid|AmbientMagic) == 0:
			flags |= NoSetuid
		case c == '!' && flags&(FullyPrivileged|AmbientMagic) == 0:
			flags = flags&^NoSetuid | AmbientMagic
		default:
			return s[i:], flags, argv0
		}
	}
	return "", flags, argv0
}

func commands(k CommandKind, f field[Commands]) form {
	return form{"command lines", func(a *assignment) {
		list := &f(a.u)[k]
		if a.value == "" {
			*list = nil
			return
		}
		*list = a.parseCommands(*list)
	}}
}
