package journalctl

import (
	"bytes"
	"strings"

	"keelson/init/applet"
	"keelson/init/journal/query"
	"keelson/init/journal/show"
)

// A Query asks for what a unit has logged last in this boot, as systemctl status does (show_journal_by_unit of logs-show.c).
type Query struct {
	Unit       string
	Namespace  string // has to be "": there is one journal
	Invocation string // the invocation of the unit, 32 hexadecimal digits, "" is any
	Since      uint64 // nothing before this CLOCK_MONOTONIC time, in microseconds; 0 is without limit
	Lines      int
	Output     string // "short", "cat", "json", …
	Width      int    // cells that a line may take, 0 is without limit
	Colour     bool
	All        bool // unprintable fields as well
}

// Tail reads the last lines. cut tells that one was shortened. A machine without a journal has none.
func Tail(h *applet.Host, q Query) (lines []string, cut bool, err error) {
	if q.Lines <= 0 || q.Namespace != "" {
		return nil, false, nil
	}
	mode, ok := show.ParseMode(q.Output)
	if !ok {
		mode = show.Short
	}
	j, err := query.Open(query.Where{Root: h.Root, Machine: MachineID(h.Path("/etc/machine-id"))})
	if err != nil {
		return nil, false, err
	}
	defer j.Close()
	if err := j.Matches.Unit(q.Unit); err != nil {
		return nil, false, err
	}
	j.Matches.And()
	if boot := readID("/proc/sys/kernel/random/boot_id"); !boot.IsZero() {
		if err := j.Matches.Add("_BOOT_ID=" + boot.String()); err != nil {
			return nil, false, err
		}
		j.Matches.And()
	}
	if q.Invocation != "" {
		for _, name := range []string{"_SYSTEMD_INVOCATION_ID", "INVOCATION_ID", "OBJECT_SYSTEMD_INVOCATION_ID"} {
			if err := j.Matches.Add(name + "=" + q.Invocation); err != nil {
				return nil, false, err
			}
			j.Matches.Or()
		}
	}
	j.SeekTail()
	n, err := j.Skip(q.Lines, true)
	if err != nil || n == 0 {
		return nil, false, err
	}
	var out bytes.Buffer
	p := show.NewPrinter(&out, mode, show.Options{All: q.All, Full: q.Width == 0, Columns: q.Width, Colour: q.Colour, Local: h.Location()})
	for more := true; more && err == nil; more, err = j.Next() {
		e, err := j.Entry()
		if err != nil || e.Monotonic < q.Since {
			continue
		}
		if err := p.Print(e, [2]int{}); err != nil {
			return nil, false, err
		}
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if text == "" {
		return nil, p.Ellipsized, err
	}
	return strings.Split(text, "\n"), p.Ellipsized, err
}
