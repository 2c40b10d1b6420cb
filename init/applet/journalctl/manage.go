package journalctl

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keelson/init/applet"
	"keelson/init/journal"
	"keelson/init/journal/file"
	"keelson/init/journal/query"
	"keelson/init/journal/show"
	"keelson/supervise/calendar"
)

// varlinkSocket is where whoever collects the journal takes calls.
const varlinkSocket = "/run/systemd/journal/io.systemd.journal"

// manage carries out what needs no files. ok is false if there is more to do.
func (c *command) manage() (status int, ok bool) {
	switch c.action {
	case newID:
		var id file.ID
		rand.Read(id[:])
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		c.Puts(id.String())
		return 0, true
	case flush:
		if _, err := os.Stat(c.Path("/run/systemd/journal/flushed")); err == nil {
			return 0, true
		}
		return c.call("FlushToVar"), true
	case relinquish:
		return c.call("RelinquishVar"), true
	case rotate:
		return c.call("Rotate"), true
	case synchronize:
		return c.call("Synchronize"), true
	case rotateAndVacuum:
		if status := c.call("Rotate"); status != 0 {
			return status, true
		}
	}
	return 0, false
}

// call is a call without parameters (https://varlink.org/Method-Call).
func (c *command) call(method string) int {
	socket := c.Path(varlinkSocket)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return c.Fail("Failed to connect to %s: %s", socket, applet.Cause(err))
	}
	defer conn.Close()
	var reply struct {
		Error      string `json:"error"`
		Parameters struct {
			Message string `json:"message"`
		} `json:"parameters"`
	}
	_, err = conn.Write([]byte(`{"method":"io.systemd.Journal.` + method + `","parameters":{}}` + "\x00"))
	var text []byte
	if err == nil {
		text, err = bufio.NewReader(conn).ReadBytes(0)
	}
	if err == nil {
		err = json.Unmarshal(text[:len(text)-1], &reply)
	}
	if err != nil {
		return c.Fail("Failed to execute varlink call: %s", applet.Cause(err))
	}
	if reply.Error != "" {
		why := reply.Error
		if reply.Parameters.Message != "" {
			why = reply.Parameters.Message
		}
		return c.Fail("Failed to execute varlink call: %s", why)
	}
	return 0
}

// headers is --header (journal_file_print_header of journal-file.c).
func (c *command) headers(j *query.Journal) int {
	for i, r := range j.Files() {
		if i > 0 {
			c.Puts("")
		}
		h, err := r.Header()
		if err != nil {
			return c.Fail("Failed to print journal header: %s", err)
		}
		c.header(r, &h)
	}
	return 0
}

func (c *command) header(r *file.Reader, h *file.Header) {
	set := func(names ...any) (s string) {
		for i := 0; i < len(names); i += 2 {
			if names[i].(bool) {
				s += " " + names[i+1].(string)
			}
		}
		return s
	}
	has := func(bit uint32) bool { return h.Incompatible&bit != 0 }
	stamp := func(usec uint64) string {
		if usec == 0 {
			return "n/a"
		}
		return calendar.FormatTimestamp(calendar.Usec(usec), calendar.StylePretty, c.Location())
	}
	yes := map[bool]string{true: "yes", false: "no"}
	dataItems, fieldItems := h.DataTableSize/16, h.FieldTableLen/16
	c.fprintf("File path: %s\nFile ID: %s\nMachine ID: %s\nBoot ID: %s\nSequential number ID: %s\nState: %s\n",
		r.Path(), h.File, h.Machine, h.Boot, h.SeqnumID, h.State)
	c.fprintf("Compatible flags:%s\n", set(h.Compatible&file.CompatibleSealed != 0, "SEALED", h.Compatible&^file.CompatibleSealed != 0, "???"))
	c.fprintf("Incompatible flags:%s\n", set(has(file.IncompatibleXZ), "COMPRESSED-XZ", has(file.IncompatibleLZ4), "COMPRESSED-LZ4",
		has(file.IncompatibleZSTD), "COMPRESSED-ZSTD", h.Keyed(), "KEYED-HASH", h.Compact(), "COMPACT"))
	c.fprintf("Header size: %d\nArena size: %d\nData hash table size: %d\nField hash table size: %d\nRotate suggested: %s\n",
		h.Size, h.Arena, dataItems, fieldItems, yes[h.Data*4 > dataItems*3 || h.Fields*4 > fieldItems*3 || h.DataDepth > 100])
	c.fprintf("Head sequential number: %d (%x)\nTail sequential number: %d (%x)\n", h.HeadSeqnum, h.HeadSeqnum, h.TailSeqnum, h.TailSeqnum)
	c.fprintf("Head realtime timestamp: %s (%x)\nTail realtime timestamp: %s (%x)\nTail monotonic timestamp: %s (%x)\n",
		stamp(h.HeadRealtime), h.HeadRealtime, stamp(h.TailRealtime), h.TailRealtime, calendar.Usec(h.TailMonotonic).Format(calendar.Millisecond), h.TailMonotonic)
	c.fprintf("Objects: %d\nEntry objects: %d\n", h.Objects, h.Entries)
	if h.Contains(file.EndData) {
		c.fprintf("Data objects: %d\nData hash table fill: %.1f%%\n", h.Data, 100*float64(h.Data)/float64(max(dataItems, 1)))
	}
	if h.Contains(file.EndFields) {
		c.fprintf("Field objects: %d\nField hash table fill: %.1f%%\n", h.Fields, 100*float64(h.Fields)/float64(max(fieldItems, 1)))
	}
	if h.Contains(file.EndTags) {
		c.fprintf("Tag objects: %d\n", h.Tags)
	}
	if h.Contains(file.EndEntryArrays) {
		c.fprintf("Entry array objects: %d\n", h.EntryArrays)
	}
	if h.Contains(file.EndFieldDepth) {
		c.fprintf("Deepest field hash chain: %d\nDeepest data hash chain: %d\n", h.FieldDepth, h.DataDepth)
	}
	c.fprintf("Disk usage: %s\n", show.Bytes(r.Blocks()))
}

// verify is --verify.
func (c *command) verify(j *query.Journal) (status int) {
	for _, r := range j.Files() {
		if h, err := r.Header(); err == nil && h.Compatible&file.CompatibleSealed != 0 {
			c.Noticef("Journal file %s has sealing enabled but verification key has not been passed using --verify-key=.", r.Path())
		}
		if err := r.Verify(); err != nil {
			c.Errorf("%s: %s", r.Path(), err)
			c.Warnf("FAIL: %s (Bad message)", r.Path())
			status = 1
		} else {
			c.Infof("PASS: %s", r.Path())
		}
	}
	for p, err := range j.Failed() {
		if errors.Is(err, file.ErrCorrupt) {
			c.Warnf("FAIL: %s (Bad message)", p)
			status = 1
		}
	}
	return status
}

// usage is --disk-usage.
func (c *command) usage(j *query.Journal) int {
	sum := uint64(0)
	for _, r := range j.Files() {
		sum += r.Blocks()
	}
	c.fprintf("Archived and active journals take up %s in the file system.\n", show.Bytes(sum))
	return 0
}

// boots is --list-boots.
func (c *command) boots(j *query.Journal) int {
	boots, err := j.Boots()
	if err != nil {
		return c.Fail("Failed to determine boots: %s", applet.Cause(err))
	}
	if len(boots) == 0 {
		return 0
	}
	t := applet.Table{Header: []string{"idx", "boot id", "first entry", "last entry"}, NoHeader: c.quiet, Full: c.full}
	stamp := func(usec uint64) applet.Cell {
		cell := applet.Text(calendar.FormatTimestamp(calendar.Usec(usec), calendar.StylePretty, c.Location()))
		cell.JSON = usec
		return cell
	}
	width := 0
	if !c.quiet {
		width = len("IDX")
	}
	for i := range boots {
		width = max(width, len(strconv.Itoa(i-len(boots)+1)))
	}
	for i, b := range boots {
		n := strconv.Itoa(i - len(boots) + 1)
		cell := applet.Text(strings.Repeat(" ", width-len(n)) + n)
		cell.JSON = i - len(boots) + 1
		t.Add(cell, applet.Text(b.ID.String()), stamp(b.First), stamp(b.Last))
	}
	if c.reverse {
		for i, k := 0, len(t.Rows)-1; i < k; i, k = i+1, k-1 {
			t.Rows[i], t.Rows[k] = t.Rows[k], t.Rows[i]
		}
	}
	if c.modeSet && c.mode >= show.JSON && c.mode <= show.JSONSeq {
		t.Header[0] = "index"
		style := applet.JSONShort
		if c.mode == show.JSONPretty {
			style = applet.JSONPretty
		}
		t.PrintJSON(c.Host, style)
		return 0
	}
	if !c.noPager {
		c.Page()
	}
	t.Print(c.Host)
	return 0
}

// vacuum is --vacuum-size, --vacuum-files and --vacuum-time. Like journalctl it looks into directories of machines, not into those above.
func (c *command) vacuum() (status int) {
	w := c.where()
	dirs := map[string]bool{}
	for _, dir := range w.Dirs() {
		dirs[dir] = true
	}
	for _, dir := range w.Dirs() {
		if !dirs[filepath.Dir(dir)] {
			continue
		}
		deleted, err := journal.Vacuum(dir, c.vacuumLimit, c.Time())
		freed := uint64(0)
		for _, d := range deleted {
			empty := ""
			if d.Empty {
				empty = "empty "
			}
			if !c.quiet {
				c.Infof("Deleted %sarchived journal %s (%s).", empty, d.Path, show.Bytes(d.Size))
			}
			freed += d.Size
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			status = c.Fail("Failed to vacuum %s: %s", dir, applet.Cause(err))
		}
		if !c.quiet {
			c.Infof("Vacuuming done, freed %s of archived journals from %s.", show.Bytes(freed), dir)
		}
	}
	return status
}
