package query

import (
	"bytes"
	"fmt"

	"keelson/init/journal/file"
)

// Matches say which entries are wanted. Within each other:
//
//	values of one field    any          _PID=1 _PID=2
//	fields                 all          _PID=1 PRIORITY=3
//	separated by Or        any          _PID=1 + PRIORITY=3
//	separated by And       all
//
// The zero value wants all entries.
type Matches struct {
	all []alternatives
	// Where the next Add goes: into a new alternative, of a new conjunct.
	newAlternative, newConjunct bool
	n                           int // terms
}

type alternatives [][]group // any of: all of the groups

// group is values of one field, any of which is wanted.
type group struct {
	field string
	terms []term
}

type term struct {
	text []byte
	n    int // which of all terms
}

// Add wants a "FIELD=value".
func (m *Matches) Add(text string) error {
	i := bytes.IndexByte([]byte(text), '=')
	if i < 0 || !file.ValidField([]byte(text[:i]), true) {
		return fmt.Errorf("%q is not FIELD=value", text)
	}
	if len(m.all) == 0 || m.newConjunct {
		m.all = append(m.all, alternatives{nil})
	} else if m.newAlternative {
		last := &m.all[len(m.all)-1]
		*last = append(*last, nil)
	}
	m.newConjunct, m.newAlternative = false, false
	last := m.all[len(m.all)-1]
	groups := &last[len(last)-1]
	t := term{[]byte(text), m.n}
	m.n++
	for k := range *groups {
		if g := &(*groups)[k]; g.field == text[:i] {
			g.terms = append(g.terms, t)
			return nil
		}
	}
	*groups = append(*groups, group{text[:i], []term{t}})
	return nil
}

// Or separates what is before from what is after, one of which is wanted.
func (m *Matches) Or() { m.newAlternative = true }

// And separates what is before from what is after, both of which are wanted.
func (m *Matches) And() { m.newConjunct = true }

// Empty tells whether all entries are wanted.
func (m *Matches) Empty() bool { return len(m.all) == 0 }

// Unit wants the entries of a unit and those about it (add_matches_for_unit of logs-show.c).
func (m *Matches) Unit(unit string) error {
	alternatives := [][]string{
		{"_SYSTEMD_UNIT=" + unit},
		{"MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1", "_UID=0", "COREDUMP_UNIT=" + unit},
		{"_PID=1", "UNIT=" + unit},
		{"_UID=0", "OBJECT_SYSTEMD_UNIT=" + unit},
	}
	if len(unit) > 6 && unit[len(unit)-6:] == ".slice" {
		alternatives = append(alternatives, []string{"_SYSTEMD_SLICE=" + unit})
	}
	return m.any(alternatives)
}

// UserUnit is Unit for a unit of a user's manager.
func (m *Matches) UserUnit(unit string, uid int) error {
	user := fmt.Sprintf("_UID=%d", uid)
	alternatives := [][]string{
		{"_SYSTEMD_USER_UNIT=" + unit, user},
		{"USER_UNIT=" + unit, user},
		{"COREDUMP_USER_UNIT=" + unit, user, "_UID=0"},
		{"OBJECT_SYSTEMD_USER_UNIT=" + unit, user, "_UID=0"},
	}
	if len(unit) > 6 && unit[len(unit)-6:] == ".slice" {
		alternatives = append(alternatives, []string{"_SYSTEMD_USER_SLICE=" + unit, user})
	}
	return m.any(alternatives)
}

func (m *Matches) any(alternatives [][]string) error {
	for _, a := range alternatives {
		for _, text := range a {
			if err := m.Add(text); err != nil {
				return err
			}
		}
		m.Or()
	}
	return nil
}

// A direction is down, to later entries, or up.
type direction int8

const (
	down direction = 1
	up   direction = -1
)

// found is what a file has for a term.
type found struct {
	list    *file.List // nil if it has none
	entries uint64     // that the file had when it was looked for
}

// past tells whether a lies farther in a direction than b.
func (d direction) past(a, b uint64) bool {
	if d == down {
		return a > b
	}
	return a < b
}

// next is the first entry that matches, from an offset on in a direction; 0 if there is none.
func (f *journalFile) next(m *Matches, from uint64, d direction) (uint64, error) {
	if m.Empty() {
		return f.in(f.entries, from, d)
	}
	return every(len(m.all), from, d, func(i int, from uint64) (uint64, error) {
		return some(len(m.all[i]), from, d, func(k int, from uint64) (uint64, error) {
			groups := m.all[i][k]
			return every(len(groups), from, d, func(i int, from uint64) (uint64, error) {
				terms := groups[i].terms
				return some(len(terms), from, d, func(k int, from uint64) (uint64, error) { return f.term(&terms[k], m.n, from, d) })
			})
		})
	})
}

// some is the nearest of what n say.
func some(n int, from uint64, d direction, one func(i int, from uint64) (uint64, error)) (best uint64, err error) {
	for i := range n {
		at, err := one(i, from)
		if err != nil {
			return 0, err
		}
		if at != 0 && (best == 0 || d.past(best, at)) {
			best = at
		}
	}
	return best, nil
}

// every is the nearest on which n agree.
func every(n int, from uint64, d direction, one func(i int, from uint64) (uint64, error)) (uint64, error) {
	agreed := 0
	for i := 0; ; i = (i + 1) % n {
		at, err := one(i, from)
		if at == 0 || err != nil {
			return 0, err
		}
		if at != from {
			from, agreed = at, 0
		}
		if agreed++; agreed == n {
			return at, nil
		}
	}
}

func (f *journalFile) term(t *term, n int, from uint64, d direction) (uint64, error) {
	if len(f.terms) < n {
		f.terms = append(f.terms, make([]found, n-len(f.terms))...)
	}
	e := &f.terms[t.n]
	if e.list == nil {
		have := f.r.Entries()
		if e.entries == have {
			return 0, nil
		}
		at, err := f.r.Find(t.text)
		if err != nil {
			return 0, err
		}
		if e.entries = have; at == 0 {
			return 0, nil
		}
		e.list = f.r.With(at)
	}
	return f.in(e.list, from, d)
}

// in is the first entry of a list from an offset on.
func (f *journalFile) in(l *file.List, from uint64, d direction) (uint64, error) {
	i, err := l.Search(func(at uint64) (bool, error) {
		if d == down {
			return at >= from, nil
		}
		return at > from, nil
	})
	if err != nil {
		return 0, err
	}
	return at(l, i, d)
}

// at is the entry at the index that a search gave: going up, the one before.
func at(l *file.List, i uint64, d direction) (uint64, error) {
	n, err := l.Len()
	if err != nil {
		return 0, err
	}
	if d == up {
		if i == 0 {
			return 0, nil
		}
		i--
	}
	if i >= n {
		return 0, nil
	}
	return l.At(i)
}
