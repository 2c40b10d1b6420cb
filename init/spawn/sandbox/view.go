package sandbox

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// view is the model of what the process will see: the mount table, and the files that steps make.
type view struct {
	fs     FS
	mounts []mounted // a later one of the same path covers an earlier one
	made   map[string]fs.FileMode
}

// mounted is a mount inside, from is the path outside that is seen there, "" for a file system of its own.
type mounted struct {
	at, from string
	flags    uint64
}

// covering is the mount that a path inside is in.
func (v *view) covering(p string) *mounted {
	var best *mounted
	for i := range v.mounts {
		if m := &v.mounts[i]; below(p, m.at) && (best == nil || len(m.at) >= len(best.at)) {
			best = m
		}
	}
	return best
}

// point is the mount at a path, nil if that is no mount point.
func (v *view) point(p string) *mounted {
	if m := v.covering(p); m != nil && m.at == p {
		return m
	}
	return nil
}

// outside is where a path inside is to be found outside, "" if nowhere.
func (v *view) outside(p string) string {
	m := v.covering(p)
	if m == nil || m.from == "" {
		return ""
	}
	return path.Join(m.from, strings.TrimPrefix(p, m.at))
}

func (v *view) lstat(p string) (fs.FileMode, error) {
	if mode, ok := v.made[p]; ok {
		return mode, nil
	}
	if out := v.outside(p); out != "" {
		return v.fs.Lstat(out)
	}
	if m := v.point(p); m != nil {
		return fs.ModeDir, nil
	}
	return 0, unix.ENOENT
}

func (v *view) readLink(p string) (string, error) {
	if out := v.outside(p); out != "" {
		return v.fs.ReadLink(out)
	}
	return "", unix.EINVAL
}

// cover hides what was at or below a path.
func (v *view) cover(p string) {
	v.mounts = slices.DeleteFunc(v.mounts, func(m mounted) bool { return m.at != "/" && below(m.at, p) })
	for made := range v.made {
		if below(made, p) {
			delete(v.made, made)
		}
	}
}

// mountFresh is a new file system at a path.
func (v *view) mountFresh(p string, flags uint64) {
	v.cover(p)
	v.mounts = append(v.mounts, mounted{p, "", flags &^ unix.MS_STRICTATIME &^ unix.MS_RELATIME})
}

// bindOutside is a bind mount of a path outside.
func (v *view) bindOutside(source, p string, recursive bool, host []mounted) {
	v.cover(p)
	whole := view{mounts: host}
	m := mounted{at: p, from: source}
	if c := whole.covering(source); c != nil {
		m.flags = c.flags
	}
	v.mounts = append(v.mounts, m)
	for _, h := range host {
		if recursive && h.at != source && below(h.at, source) {
			v.mounts = append(v.mounts, mounted{path.Join(p, strings.TrimPrefix(h.at, source)), h.at, h.flags})
		}
	}
}

// bindSelf makes a path a mount point, with all that is mounted below it.
func (v *view) bindSelf(p string) {
	m := mounted{at: p, from: v.outside(p)}
	if c := v.covering(p); c != nil {
		m.flags = c.flags
	}
	v.mounts = append(v.mounts, m)
}

// linksMax is how many links a path may lead through, as in the kernel.
const linksMax = 40

// resolve follows the links of a path as far as it goes.
func resolve(p string, lstat func(string) (fs.FileMode, error), readLink func(string) (string, error)) (string, error) {
	done, rest := "/", strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		mode, err := lstat(next)
		if err != nil || mode.Type() != fs.ModeSymlink {
			done = next
			continue
		}
		target, err := readLink(next)
		if err != nil {
			return "", err
		}
		if links++; links > linksMax {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}
