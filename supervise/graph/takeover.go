package graph

import "slices"

// A graph that takes over from one of an earlier run of the program is told its units by AddAt, their facts and dependencies as if
// they were new, its Book, and its jobs by Restore. It then answers as the earlier one would have.

// A Book is what a graph knows beside its units and their jobs, as plain data.
type Book struct {
	Free    []UnitID            `json:",omitzero"` // numbers of removed units, the next to be given out last
	LastJob JobID               `json:",omitzero"`
	Checks  map[string][]UnitID `json:",omitzero"` // what FollowUp has not looked at yet
}

var checkNames = [checkMax]string{checkUpheld: "upheld", checkBound: "bound", checkUnneeded: "unneeded"}

// Book: see there. It is the caller's.
func (g *Graph) Book() Book {
	b := Book{Free: slices.Clone(g.free), LastJob: g.lastJob}
	for c, list := range g.checks {
		if len(list) > 0 {
			if b.Checks == nil {
				b.Checks = map[string][]UnitID{}
			}
			b.Checks[checkNames[c]] = slices.Clone(list)
		}
	}
	return b
}

// AddAt makes a unit that has this number. It refuses a name without a unit type's suffix, and a name or a number that is taken.
func (g *Graph) AddAt(u UnitID, name string) error {
	t, ok := typeOf(name)
	if !ok || u < 0 {
		return refuse(InvalidArgs, "Unit name %s is not valid.", name)
	}
	if _, taken := g.names[name]; taken || int(u) < len(g.units) && g.units[u] != nil {
		return refuse(InvalidArgs, "Unit name %s or its number %d is already taken.", name, u)
	}
	for len(g.units) <= int(u) {
		g.units = append(g.units, nil)
	}
	g.units[u] = newNode(name, t)
	g.names[name] = u
	return nil
}

// TakeOver takes a Book, after the last AddAt. Numbers below the highest that no unit has are free, also those that the Book
// does not know as such: their units were not made again.
func (g *Graph) TakeOver(b Book) {
	g.free = g.free[:0]
	for u := range g.units {
		if g.units[u] == nil && !slices.Contains(b.Free, UnitID(u)) {
			g.free = append(g.free, UnitID(u))
		}
	}
	for _, u := range b.Free {
		for len(g.units) <= int(u) {
			g.units = append(g.units, nil)
		}
		if u >= 0 && g.units[u] == nil {
			g.free = append(g.free, u)
		}
	}
	g.lastJob = max(g.lastJob, b.LastJob)
	for c, name := range checkNames {
		for _, u := range b.Checks[name] {
			if u >= 0 && int(u) < len(g.units) && g.units[u] != nil && !g.units[u].check[c] {
				g.units[u].check[c] = true
				g.checks[c] = append(g.checks[c], u)
			}
		}
	}
}

// Aliases is the list of the unit's other names, in the order in which they were given.
func (g *Graph) Aliases(u UnitID) []string { return slices.Clone(g.units[u].alias) }
