package unit

import (
	"encoding/hex"
	"slices"
	"strings"
)

// ParseCapabilities reads a list of capability names or numbers; names that are not known are given back.
func ParseCapabilities(s string) (set CapabilitySet, unknown []string, err error) {
	err = eachWord(s, unquote, func(w string) {
		i, ok := capabilityWords.find(strings.ToLower(w))
		if v, err := parseUint(w, 0, 8); err == nil && v < 64 {
			i, ok = uint8(v), true
		}
		if !ok {
			unknown = append(unknown, w)
			return
		}
		set |= 1 << i
	})
	return set, unknown, err
}

// capabilities: the first list replaces what the unit starts with, later ones add to it, or take from it with "~"
// (systemd.exec(5), CapabilityBoundingSet=; config_parse_capability_set in src/core/load-fragment.c).
func capabilities(initial CapabilitySet, f field[CapabilitySet]) form {
	return form{"list of capabilities, inverted by ~", func(a *assignment) {
		value, invert := strings.CutPrefix(a.value, "~")
		sum, unknown, err := ParseCapabilities(value)
		if err != nil {
			a.warn("Failed to parse %s= specifier '%s', ignoring: %v", a.key, value, err)
			return
		}
		for _, w := range unknown {
			// systemd says this at debug level only.
			a.remark(Notice, "Unknown capability '%s' in %s=, ignoring.", w, a.key)
		}
		set := f(a.u)
		switch {
		case sum == 0 || *set == initial:
			if *set = sum; invert {
				*set = ^sum
			}
		case invert:
			*set &^= sum
		default:
			*set |= sum
		}
	}}
}

func secureBits() form {
	return form{"list of " + strings.Join(secureBitWords, ", "), func(a *assignment) {
		bits := SecureBits(0)
		a.words(unquote, func(w string) {
			if i, ok := secureBitWords.find(w); ok { // systemd skips other words silently
				bits |= 1 << i
			}
		})
		a.u.Exec.SecureBits = bits
	}}
}

// label is a security label, optional behind "-".
func label(f field[Label]) form {
	return form{"label", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = Label{}
			return
		}
		value, optional := strings.CutPrefix(a.value, "-")
		s, err := a.spec.expand(value, allSpecifiers, lineMax)
		switch {
		case err == nil:
			*f(a.u) = Label{s, optional}
		case optional:
			a.warn("Failed to resolve unit specifiers in '%s', ignoring: %v", value, err)
		default:
			a.refuse("Failed to resolve unit specifiers in '%s': %v", value, err)
		}
	}}
}

func propagation() form {
	return form{"one of shared, slave, private", func(a *assignment) {
		i, ok := propagationWords.find(a.value)
		if !ok && a.value != "" {
			a.warn("Failed to parse mount flag, ignoring: %s", a.value)
			return
		}
		a.u.Exec.MountFlags = MountPropagation(i)
	}}
}

// pathRules is ReadWritePaths= and its kin: "-" for a path that may be missing, "+" for one below RootDirectory=.
func pathRules(f field[[]PathRule]) form {
	return form{"list of absolute paths", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		err := eachWord(a.value, unquote, func(w string) {
			var r PathRule
			w, r.Optional = strings.CutPrefix(w, "-")
			w, r.Root = strings.CutPrefix(w, "+")
			var ok bool
			if r.Path, ok = a.expandPath(w); ok {
				*list = append(*list, r)
			}
		})
		if err != nil {
			a.warn("Failed to extract first word, ignoring: %s", a.value)
		}
	}}
}

// bindPaths is a list of "source[:destination[:options]]".
func bindPaths(readOnly bool) form {
	return form{"list of source:destination:options", func(a *assignment) {
		if a.value == "" {
			a.u.Exec.Binds = nil
			return
		}
		c := cursor{s: a.value}
		for {
			b, ok, more := a.bindPath(&c)
			if ok {
				b.ReadOnly = readOnly
				a.u.Exec.Binds = append(a.u.Exec.Binds, b)
			}
			if !more {
				return
			}
		}
	}}
}

func (a *assignment) bindPath(c *cursor) (b Bind, ok, more bool) {
	colon := func() bool { // the last word ended in a colon
		at := len(a.value) - len(c.s) - 1
		return !c.done && at >= 0 && a.value[at] == ':'
	}
	word := func(separators string, flags wordFlags) (string, bool) {
		w, ok, err := c.word(separators, flags)
		if err != nil {
			a.warn("Failed to parse %s, ignoring: %s", a.key, a.value)
			ok = false
		}
		return w, ok
	}
	source, ok := word(":"+whitespace, unquote|eachSeparator)
	if !ok {
		return b, false, false
	}
	hasDest := colon()
	dest, options := "", ""
	if hasDest {
		if dest, ok = word(":"+whitespace, unquote|eachSeparator); !ok {
			return b, false, false
		}
		if colon() {
			options, _ = word("", unquote)
		}
	}
	more = !c.done
	if source == "" && !hasDest { // each white space ends a word here, so a second one yields an empty one
		return b, false, more
	}
	source, ok = a.expand(source, pathMax+1)
	if !ok {
		return b, false, more
	}
	source, b.Optional = strings.CutPrefix(source, "-")
	if b.Source, ok = a.checkPath(source, pathAbsolute, false); !ok {
		return b, false, more
	}
	b.Destination = b.Source
	if hasDest {
		if b.Destination, ok = a.expandPath(dest); !ok {
			return b, false, more
		}
	}
	if options != "" && options != "rbind" && options != "norbind" {
		a.warn("Invalid option string, ignoring setting: %s", options)
		return b, false, more
	}
	b.Recursive = options != "norbind"
	return b, true, more
}

func temporaryFileSystem() form {
	return form{"list of path:options", func(a *assignment) {
		list := &a.u.Exec.TemporaryFS
		if a.value == "" {
			*list = nil
			return
		}
		err := eachWord(a.value, unquote, func(w string) {
			path, options, _ := strings.Cut(w, ":")
			if p, ok := a.expandPath(path); ok {
				*list = append(*list, TemporaryFS{p, options})
			}
		})
		if err != nil {
			a.warn("Failed to extract first word, ignoring: %s", a.value)
		}
	}}
}

var partitionWords = words{"root", "usr", "home", "srv", "esp", "xbootldr", "swap", "root-verity", "usr-verity", "root-verity-sig", "usr-verity-sig", "tmp", "var"}

// images is MountImages= with a destination, ExtensionImages= without.
func images(withDestination bool, f field[[]Image]) form {
	return form{"list of source:destination:partition:options", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		a.words(unquote|retainEscapes, func(tuple string) {
			c := cursor{s: tuple}
			next := func() (string, bool) {
				w, ok, err := c.word(":", cUnescape|unescapeSeparators)
				if err != nil {
					a.warn("Invalid syntax in %s=, ignoring: %s", a.key, tuple)
				}
				return w, ok && err == nil
			}
			source, ok := next()
			if !ok {
				return
			}
			var img Image
			source, img.Optional = strings.CutPrefix(source, "-")
			if img.Source, ok = a.expandPath(source); !ok {
				return
			}
			if withDestination {
				dest, ok := next()
				if !ok || dest == "" {
					a.warn("Missing destination in %s, ignoring: %s", a.key, a.value)
					return
				}
				if img.Destination, ok = a.expandPath(dest); !ok {
					return
				}
			}
			var rest []string
			for w, ok := next(); ok; w, ok = next() {
				rest = append(rest, w)
			}
			img.Options = a.imageOptions(rest)
			*list = append(*list, img)
		})
	}}
}

// imageOptions pairs partitions with mount options; a single word is for the root partition.
func (a *assignment) imageOptions(parts []string) []ImageOption {
	if len(parts)%2 == 1 {
		parts = slices.Insert(slices.Clone(parts), len(parts)-1, "root")
	}
	var list []ImageOption
	for i := 0; i+1 < len(parts); i += 2 {
		if _, ok := partitionWords.find(parts[i]); !ok {
			a.warn("Invalid partition name %s, ignoring", parts[i])
			continue
		}
		if s, ok := a.expand(parts[i+1], lineMax); ok {
			list = append(list, ImageOption{parts[i], s})
		}
	}
	return list
}

func rootImageOptions() form {
	return form{"list of partition:options", func(a *assignment) {
		list := &a.u.Exec.RootImageOptions
		if a.value == "" {
			*list = nil
			return
		}
		if err := eachWord(a.value, unquote, func(w string) {
			partition, options, two := strings.Cut(w, ":")
			if !two {
				partition, options = "root", w
			}
			*list = append(*list, a.imageOptions([]string{partition, options})...)
		}); err != nil {
			a.warn("Failed to parse %s, ignoring: %s", a.key, a.value)
		}
	}}
}

// rootHash is RootHash=: a path, or hexadecimal digits. signed is RootHashSignature=: a path, or "base64:" data.
func rootHash(signed bool, bytes field[[]byte], path field[string]) form {
	return form{"absolute path or the hash", func(a *assignment) {
		*bytes(a.u), *path(a.u) = nil, ""
		switch rest, inBase64 := strings.CutPrefix(a.value, "base64:"); {
		case a.value == "":
		case a.value[0] == '/':
			*path(a.u) = a.value
		case signed && !inBase64:
			a.warn("Failed to decode RootHashSignature=, not a path but doesn't start with 'base64:', ignoring: %s", a.value)
		case signed:
			b, ok := decodeBase64(rest)
			if !ok {
				a.warn("Failed to decode RootHashSignature=, ignoring: %s", a.value)
				return
			}
			*bytes(a.u) = b
		default:
			b, err := hex.DecodeString(a.value)
			if err != nil {
				a.warn("Failed to decode RootHash=, ignoring: %s", a.value)
			} else if len(b) < 16 {
				a.warn("RootHash= is too short, ignoring: %s", a.value)
			} else {
				*bytes(a.u) = b
			}
		}
	}}
}
