package query

import (
	"encoding/binary"
	"sort"

	"keelson/init/journal/file"
)

var host = binary.NativeEndian

// A Boot is the span of a boot in the journal; times are in microseconds since the epoch.
type Boot struct {
	ID          file.ID
	First, Last uint64
}

// Boots lists the boots in the order in which they first appear. The values of _BOOT_ID are what the index has; for each, the first and last entry are
// looked up.
func (j *Journal) Boots() ([]Boot, error) {
	var ids []file.ID
	j.Unique("_BOOT_ID", func(value []byte) bool {
		if id, err := file.ParseID(string(value)); err == nil {
			ids = append(ids, id)
		}
		return true
	})
	matches, here := j.Matches, j.here
	defer func() {
		j.FlushMatches()
		j.Matches = matches
		j.seek(here)
	}()
	type found struct {
		Boot
		first position
	}
	var list []found
	for _, id := range ids {
		j.FlushMatches()
		if err := j.Matches.Add("_BOOT_ID=" + id.String()); err != nil {
			return nil, err
		}
		j.SeekHead()
		ok, err := j.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		b := found{Boot: Boot{ID: id, First: j.entry.Realtime}, first: j.entry}
		j.SeekTail()
		if ok, err := j.Previous(); err != nil || !ok {
			continue
		}
		b.Last = j.entry.Realtime
		list = append(list, b)
	}
	sort.Slice(list, func(i, k int) bool { return list[i].first.compare(&list[k].first) < 0 })
	boots := make([]Boot, len(list))
	for i := range list {
		boots[i] = list[i].Boot
	}
	return boots, nil
}
