package tmpfiles

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
)

// each does something to all files that a line's pattern fits, and gives the first error (glob_item).
func (e *engine) each(i *item, do func(*item, string) error) error {
	var first error
	seen := map[string]bool{}
	for _, pattern := range braces(i.path) {
		for _, p := range e.glob(pattern) {
			if seen[p] {
				continue
			}
			seen[p] = true
			if err := do(i, p); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}

// bracesMax is how many patterns one may stand for.
const bracesMax = 1024

// braces are the patterns that "{a,b}" stands for (GLOB_BRACE of glob(3)). An unmatched brace, and "{}", stand for themselves.
func braces(p string) []string {
	list := []string{p}
	for i := 0; i < len(list) && len(list) < bracesMax; {
		s := list[i]
		from, to, commas := brace(s)
		if from < 0 {
			i++
			continue
		}
		var out []string
		at := from + 1
		for _, c := range append(commas, to) {
			out = append(out, s[:from]+s[at:c]+s[to+1:])
			at = c + 1
		}
		list = append(list[:i], append(out, list[i+1:]...)...)
	}
	return list
}

// brace finds the first pair of braces with its commas.
func brace(s string) (from, to int, commas []int) {
	for start := 0; start < len(s); start++ {
		if s[start] == '\\' {
			start++
			continue
		}
		if s[start] != '{' || strings.HasPrefix(s[start:], "{}") {
			continue
		}
		depth := 0
		commas = nil
		for i := start; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '{':
				depth++
			case ',':
				if depth == 1 {
					commas = append(commas, i)
				}
			case '}':
				if depth--; depth == 0 {
					return start, i, commas
				}
			}
		}
	}
	return -1, 0, nil
}

// glob are the paths inside that exist and fit, sorted (glob(3)). Links are followed, as the shell does.
func (e *engine) glob(pattern string) []string {
	found := []string{"/"}
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	for n, part := range parts {
		if part == "" {
			continue
		}
		last := n == len(parts)-1
		literal, plain := plainPart(part)
		var next []string
		for _, dir := range found {
			if plain {
				p := path.Join(dir, literal)
				if part == ".." || e.exists(p, last) {
					next = append(next, p)
				}
				continue
			}
			fd, err := e.Walk(dir, 0)
			if err != nil {
				continue
			}
			names, _ := rootdir.Names(fd)
			unix.Close(fd)
			for _, name := range names {
				if name[0] == '.' && part[0] != '.' {
					continue
				}
				if ok, err := path.Match(goPattern(part), name); ok && err == nil && e.exists(path.Join(dir, name), last) {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	return found
}

// exists tells whether a path is there; the last part may be a link to nowhere.
func (e *engine) exists(p string, last bool) bool {
	way := rootdir.Way(0)
	if last {
		way = rootdir.NoFollow
	}
	fd, err := e.Walk(p, way)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// plainPart is a part of a pattern without the backslashes, if it is no pattern.
func plainPart(s string) (string, bool) {
	if strings.ContainsAny(s, "*?[") {
		return "", false
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// goPattern is a pattern of fnmatch(3) for path.Match: "[!a]" is "[^a]".
func goPattern(s string) string {
	if strings.Contains(s, "[!") {
		s = strings.ReplaceAll(s, "[!", "[^")
	}
	return s
}
