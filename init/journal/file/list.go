package file

import "sort"

// A List is the entries of a file, or those that have one data object, in rising order of offset, sequence number and time.
type List struct {
	list
	data uint64 // offset of the data object; 0 for all entries
}

// list walks a chain of entry arrays. Arrays only ever join at its end, so what was found stays right.
type list struct {
	r      *Reader
	arrays []span
}

type span struct{ at, begin, size uint64 } // begin is the index of its first item

// All is the list of all entries.
func (r *Reader) All() *List { return &List{list: list{r: r}} }

// With is the list of the entries that have the data object at an offset.
func (r *Reader) With(data uint64) *List { return &List{list: list{r: r}, data: data} }

// Len is the number of entries now.
func (l *List) Len() (uint64, error) {
	if l.data == 0 {
		return l.r.Entries(), nil
	}
	o, err := l.r.object(l.data, typeData)
	if err != nil {
		return 0, err
	}
	return le.Uint64(o[dataEntries:]), nil
}

// At is the offset of the entry at an index, which must be less than Len.
func (l *List) At(i uint64) (uint64, error) {
	if l.data == 0 {
		return l.item(l.r.live(176), i)
	}
	o, err := l.r.object(l.data, typeData)
	if err != nil {
		return 0, err
	}
	if i == 0 {
		return le.Uint64(o[dataEntry:]), nil
	}
	return l.item(le.Uint64(o[dataArray:]), i-1)
}

func (l *list) item(first, i uint64) (uint64, error) {
	if len(l.arrays) == 0 {
		if err := l.add(first, 0); err != nil {
			return 0, err
		}
	}
	for {
		last := l.arrays[len(l.arrays)-1]
		if i < last.begin+last.size {
			break
		}
		o, err := l.r.object(last.at, typeArray)
		if err != nil {
			return 0, err
		}
		next := le.Uint64(o[arrayNext:])
		if next <= last.at {
			return 0, corrupt(last.at, "list of entries is too short")
		}
		if err := l.add(next, last.begin+last.size); err != nil {
			return 0, err
		}
	}
	s := l.arrays[sort.Search(len(l.arrays), func(k int) bool { return l.arrays[k].begin > i })-1]
	width := l.width()
	b, err := l.r.bytes(s.at+arrayItems+(i-s.begin)*width, width)
	if err != nil {
		return 0, err
	}
	if width == 4 {
		return uint64(le.Uint32(b)), nil
	}
	return le.Uint64(b), nil
}

func (l *list) width() uint64 {
	if l.r.compact {
		return 4
	}
	return 8
}

func (l *list) add(at, begin uint64) error {
	o, err := l.r.object(at, typeArray)
	if err != nil {
		return err
	}
	size := uint64(len(o)-arrayItems) / l.width()
	if size == 0 {
		return corrupt(at, "an empty array of entries")
	}
	l.arrays = append(l.arrays, span{at, begin, size})
	return nil
}

// Search is the index of the first entry for which f is true; f must be false before it and true from it on. What cannot be read ends
// the search with its error.
func (l *List) Search(f func(entry uint64) (bool, error)) (uint64, error) {
	n, err := l.Len()
	if err != nil {
		return 0, err
	}
	low, high := uint64(0), n
	for low < high {
		middle := low + (high-low)/2
		at, err := l.At(middle)
		if err == nil && at == 0 {
			high = middle // a slot that was not yet written when its machine stopped
			continue
		}
		yes := false
		if err == nil {
			yes, err = f(at)
		}
		if err != nil {
			return 0, err
		}
		if yes {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, nil
}

// chainOf walks to the end of a list of n entries that begins with an array.
func (r *Reader) chainOf(first, n uint64) (chain, error) {
	c := chain{}
	if n == 0 {
		return c, nil
	}
	l := list{r: r}
	if _, err := l.item(first, n-1); err != nil {
		return c, err
	}
	last := l.arrays[len(l.arrays)-1]
	return chain{array: last.at, used: n - last.begin, size: last.size}, nil
}
