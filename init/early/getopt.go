package early

// Options as getopt(3) and getopt_long(3) of the GNU C library read them, because that is what the peers' users have come to rely on:
// clusters (-gv), values attached or apart, long options abbreviated, and, where a persona permutes,
// options found behind the first argument (tini ls -l prints tini's licence).

type longOption struct {
	name  string
	value bool // takes one
	short byte // what option returns for it
}

const (
	noMore    byte = 0   // the rest of argv, from ind on, is the command
	badOption byte = '?' // see complaint
)

type complaint uint8

const (
	unknownLetter complaint = iota
	missingForLetter
	unknownLong
	ambiguousLong
	missingForLong
	unwantedForLong
)

type getopt struct {
	argv    *cstr
	argc    int
	ind     int    // the next element of argv
	short   string // as getopt's optstring: letters, a colon behind those that take a value
	long    []longOption
	permute bool

	skipped int  // arguments between ind and where the current option stood
	next    cstr // the rest of a cluster
	value   cstr // of the option just returned, or a bad long option as it was given
	letter  byte // the option just returned

	complaint complaint
	name      string // of the long option that is complained about
}

// option returns the next option's letter, noMore or badOption.
func (o *getopt) option() byte {
	o.value = nil
	if o.next == nil || *o.next == 0 {
		if !o.element() {
			return noMore
		}
		if byteAt(o.next, 0) == '-' && o.long != nil {
			given := skip(o.next, 1)
			o.next = nil
			return o.longOption(given)
		}
	}
	o.letter = *o.next
	o.next = skip(o.next, 1)
	for i := 0; i < len(o.short); i++ {
		if o.short[i] != o.letter || o.letter == ':' {
			continue
		}
		if i+1 == len(o.short) || o.short[i+1] != ':' {
			return o.letter
		}
		if *o.next != 0 {
			o.value = o.next
		} else if !o.take() {
			return o.bad(missingForLetter)
		}
		o.next = nil
		return o.letter
	}
	return o.bad(unknownLetter)
}

func (o *getopt) bad(c complaint) byte {
	o.complaint = c
	return badOption
}

// element finds the next element that holds options and moves it before the arguments that it steps over.
func (o *getopt) element() bool {
	j := o.ind
	for o.permute && j < o.argc && !isOption(at(o.argv, j)) {
		j++
	}
	if j >= o.argc || !isOption(at(o.argv, j)) {
		return false
	}
	o.skipped = j - o.ind
	element := at(o.argv, j)
	o.pull(j)
	if equal(element, "--") {
		return false
	}
	o.next = skip(element, 1)
	return true
}

func isOption(s cstr) bool { return *s == '-' && byteAt(s, 1) != 0 }

// pull moves the element j to ind, past which the options have been read.
func (o *getopt) pull(j int) {
	element := at(o.argv, j)
	for ; j > o.ind; j-- {
		setAt(o.argv, j, at(o.argv, j-1))
	}
	setAt(o.argv, o.ind, element)
	o.ind++
}

// take makes the element behind the current option its value.
func (o *getopt) take() bool {
	j := o.ind + o.skipped
	if j >= o.argc {
		return false
	}
	o.value = at(o.argv, j)
	o.pull(j)
	return true
}

// longOption finds the option that given, without its dashes, names: exactly, or as the only one that begins so.
func (o *getopt) longOption(given cstr) byte {
	n := nameLength(given)
	found := -1
	for i := range o.long {
		if l := o.long[i].name; len(l) >= n && hasPrefix(given, l[:n]) {
			if len(l) == n {
				found = i
				break
			}
			if found >= 0 {
				found = -2
			} else if found == -1 {
				found = i
			}
		}
	}
	o.value = given
	if found == -1 {
		return o.bad(unknownLong)
	}
	if found < 0 || found >= len(o.long) {
		return o.bad(ambiguousLong)
	}
	l := &o.long[found]
	o.name = l.name
	o.letter = l.short
	switch hasValue := byteAt(given, n) == '='; {
	case hasValue && !l.value:
		return o.bad(unwantedForLong)
	case hasValue:
		o.value = skip(given, n+1)
	case !l.value:
		o.value = nil
	case !o.take():
		return o.bad(missingForLong)
	}
	return l.short
}

// nameLength is the length of a long option's name, up to its value.
func nameLength(given cstr) int {
	n := 0
	for byteAt(given, n) != 0 && byteAt(given, n) != '=' {
		n++
	}
	return n
}

// complain prints what the C library prints of a bad option.
func (o *getopt) complain() {
	m := message{fd: stderr}
	m.cstr(at(o.argv, 0))
	switch o.complaint {
	case unknownLetter:
		m.str(": invalid option -- '").byte(o.letter).str("'").end()
	case missingForLetter:
		m.str(": option requires an argument -- '").byte(o.letter).str("'").end()
	case unknownLong:
		m.str(": unrecognized option '--").cstr(o.value).str("'").end()
	case ambiguousLong:
		m.str(": option '--").cstr(o.value).str("' is ambiguous; possibilities:")
		n := nameLength(o.value)
		for i := range o.long {
			if l := o.long[i].name; len(l) >= n && hasPrefix(o.value, l[:n]) {
				m.str(" '--").str(l).str("'")
			}
		}
		m.end()
	case missingForLong:
		m.str(": option '--").str(o.name).str("' requires an argument").end()
	case unwantedForLong:
		m.str(": option '--").str(o.name).str("' doesn't allow an argument").end()
	}
}
