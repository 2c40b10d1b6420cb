// Package glob finds files by pattern as the C library does: glob(7), fnmatch(3) and the braces of a shell. The standard library's patterns differ: they
// match hidden files, and have other sets.
package glob

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// First finds the first path, in the order of names, that an absolute pattern matches (GLOB_BRACE). As in glob(3) a dangling link is a match.
func First(pattern string) (string, bool) {
	for _, p := range braces(pattern, 0) {
		if found, ok := globFrom("/", strings.Split(strings.Trim(p, "/"), "/")); ok {
			return found, true
		}
	}
	return "", false
}

// globFrom goes on below dir.
func globFrom(dir string, parts []string) (string, bool) {
	part, rest := parts[0], parts[1:]
	if part == "" && len(rest) > 0 {
		return globFrom(dir, rest)
	}
	if !strings.ContainsAny(part, `*?[\`) {
		return globStep(filepath.Join(dir, part), rest)
	}
	names := namesIn(dir)
	for _, name := range names {
		if (name[0] != '.' || part[0] == '.' || strings.HasPrefix(part, `\.`)) && Match(part, name) {
			if found, ok := globStep(filepath.Join(dir, name), rest); ok {
				return found, true
			}
		}
	}
	return "", false
}

// namesIn lists a folder, sorted, as far as it can be read. Nothing but a folder is opened: the open of a FIFO would wait.
func namesIn(dir string) []string {
	var fd int
	err := sys.Retry(func() (err error) {
		fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil
	}
	d := os.NewFile(uintptr(fd), dir)
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	slices.Sort(names)
	return names
}

func globStep(path string, rest []string) (string, bool) {
	if len(rest) > 0 {
		return globFrom(path, rest)
	}
	var st unix.Stat_t
	return path, unix.Lstat(path, &st) == nil
}

// bracesMax is how many patterns one may stand for, and depth how deep braces may be nested.
const (
	bracesMax   = 1024
	bracesDepth = 16
)

// braces expands "a{b,c}d" to "abd" and "acd". "{}" and a brace without its other stand for themselves.
func braces(pattern string, depth int) []string {
	open, end, commas := bracePair(pattern)
	if open < 0 || depth == bracesDepth {
		return []string{pattern}
	}
	var list []string
	from := open + 1
	for _, to := range append(commas, end) {
		for _, p := range braces(pattern[:open]+pattern[from:to]+pattern[end+1:], depth+1) {
			if len(list) == bracesMax {
				return list
			}
			list = append(list, p)
		}
		from = to + 1
	}
	return list
}

// bracePair finds the first pair and the commas that are its own.
func bracePair(pattern string) (open, end int, commas []int) {
	open = -1
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '{' && open < 0:
			if strings.HasPrefix(pattern[i:], "{}") {
				i++
				continue
			}
			open, depth = i, 1
		case c == '{' && open >= 0:
			depth++
		case c == '}' && open >= 0:
			if depth--; depth == 0 {
				return open, i, commas
			}
		case c == ',' && depth == 1:
			commas = append(commas, i)
		}
	}
	return -1, -1, nil
}

// Match is fnmatch(3) for one name. Only the last star is tried again, so that no name costs more than its length times the pattern's.
func Match(pattern, name string) bool {
	star, again := "", ""
	starred := false
	for {
		switch {
		case strings.HasPrefix(pattern, "*"):
			pattern = strings.TrimLeft(pattern, "*")
			star, again, starred = pattern, name, true
			continue
		case pattern == "" && name == "":
			return true
		case pattern != "" && name != "":
			c, size := utf8.DecodeRuneInString(name)
			if rest, ok := matchOne(pattern, c); ok {
				pattern, name = rest, name[size:]
				continue
			}
		}
		if !starred || again == "" {
			return false
		}
		_, size := utf8.DecodeRuneInString(again)
		again = again[size:]
		pattern, name = star, again
	}
}

// MatchNoEscape is Match where a backslash is a character like others (FNM_NOESCAPE).
func MatchNoEscape(pattern, name string) bool {
	return Match(strings.ReplaceAll(pattern, `\`, `\\`), name)
}

// matchOne matches one character and gives the pattern behind it.
func matchOne(pattern string, c rune) (rest string, ok bool) {
	switch pattern[0] {
	case '?':
		return pattern[1:], true
	case '[':
		if rest, ok, isClass := matchSet(pattern, c); isClass {
			return rest, ok
		}
	case '\\':
		if len(pattern) > 1 {
			pattern = pattern[1:]
		}
	}
	p, size := utf8.DecodeRuneInString(pattern)
	return pattern[size:], p == c
}

// characterClasses are those of glob(7), for ASCII.
var characterClasses = map[string]func(c rune) bool{
	"alpha":  func(c rune) bool { return c|32 >= 'a' && c|32 <= 'z' },
	"digit":  func(c rune) bool { return c >= '0' && c <= '9' },
	"alnum":  func(c rune) bool { return c|32 >= 'a' && c|32 <= 'z' || c >= '0' && c <= '9' },
	"lower":  func(c rune) bool { return c >= 'a' && c <= 'z' },
	"upper":  func(c rune) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c rune) bool { return c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'f' },
	"space":  func(c rune) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	"blank":  func(c rune) bool { return c == ' ' || c == '\t' },
	"punct":  func(c rune) bool { return strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c) },
	"cntrl":  func(c rune) bool { return c < ' ' || c == 0x7f },
	"graph":  func(c rune) bool { return c > ' ' && c < 0x7f },
	"print":  func(c rune) bool { return c >= ' ' && c < 0x7f },
}

// matchSet matches "[…]". A bracket without its other is no set.
func matchSet(pattern string, c rune) (rest string, ok, isSet bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	next := func() (r rune, valid bool) {
		if i < len(pattern) && pattern[i] == '\\' {
			i++
		}
		if i >= len(pattern) {
			return 0, false
		}
		r, size := utf8.DecodeRuneInString(pattern[i:])
		i += size
		return r, true
	}
	for first := true; ; first = false {
		if i >= len(pattern) {
			return "", false, false
		}
		if pattern[i] == ']' && !first {
			return pattern[i+1:], ok != negated, true
		}
		if class, after, is := strings.Cut(pattern[i:], ":]"); is && strings.HasPrefix(class, "[:") {
			if in := characterClasses[class[2:]]; in != nil {
				ok = ok || in(c)
				i = len(pattern) - len(after)
				continue
			}
		}
		low, valid := next()
		high := low
		if valid && i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			i++
			high, valid = next()
		}
		if !valid {
			return "", false, false
		}
		ok = ok || low <= c && c <= high
	}
}
