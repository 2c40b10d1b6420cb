package applet

import (
	"encoding/json"
	"strings"
)

// Cell is one field of a table.
type Cell struct {
	Text   string
	Colour Colour // NoColour leaves it as it is
	Under  bool   // underlined as well: the last row of a group
	// Gap gives the gap right of the cell the cell's colour as well.
	Gap   bool
	Right bool // aligned to the right
	Empty bool // shows as "-", and as null in JSON
	JSON  any  // the value in JSON where that is not Text
}

// Null is the JSON of a cell that shows something and has no value.
var Null any = json.RawMessage("null")

// Text is a cell without a colour.
func Text(s string) Cell { return Cell{Text: s, Colour: NoColour} }

// Table is rows under a header. Cells may have more than one line.
type Table struct {
	Header      []string // in lower case; shown in upper case, and the names of JSON's fields
	Rows        [][]Cell
	RightHeader []bool // headers aligned to the right; shorter is padded with false
	Hidden      []bool // columns not to be shown; shorter is padded with false
	// NoHeader leaves the header out.
	NoHeader bool
	// Full keeps cells whole however narrow the terminal is.
	Full bool
}

// Add appends a row.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// columns are the numbers of the columns to show.
func (t *Table) columns() []int {
	var shown []int
	for i := range t.Header {
		if i >= len(t.Hidden) || !t.Hidden[i] {
			shown = append(shown, i)
		}
	}
	return shown
}

// shown is a cell's text as it is on the terminal.
func (c Cell) shown() string {
	if c.Empty {
		return "-"
	}
	return c.Text
}

// Print writes the table, cut to the terminal if that is where it goes (table_print of src/shared/format-table.c).
func (t *Table) Print(h *Host) {
	shown := t.columns()
	rows := make([][]Cell, 0, len(t.Rows)+1)
	if !t.NoHeader {
		head := make([]Cell, len(t.Header))
		for i, n := range t.Header {
			head[i] = Text(strings.ToUpper(n))
			head[i].Right = i < len(t.RightHeader) && t.RightHeader[i]
		}
		rows = append(rows, head)
	}
	rows = append(rows, t.Rows...)

	wanted := make([]int, len(shown))
	for _, r := range rows {
		for j, c := range shown {
			for line := range strings.SplitSeq(r[c].shown(), "\n") {
				wanted[j] = max(wanted[j], Width(line))
			}
		}
	}
	limit := 0 // without a limit
	if !t.Full && !h.Paging() && isTerminal(h.Stdout) {
		limit = h.Columns()
	}
	width := fit(wanted, limit)
	for i, r := range rows {
		t.printRow(h, r, shown, width, !t.NoHeader && i == 0)
	}
}

// fit divides limit cells, 0 for without limit, among columns: a column gets what it wants if an equal share of the rest allows for it.
func fit(wanted []int, limit int) []int {
	width := make([]int, len(wanted))
	sum := len(wanted) - 1
	for i, w := range wanted {
		width[i] = max(w, 1)
		sum += w
	}
	if limit == 0 || sum <= limit {
		return width
	}
	smallest := len(wanted)*2 - 1 // a cell for each column, and the gaps
	extra := max(limit, smallest) - smallest
	for i := range width {
		width[i] = -1
	}
	left := len(wanted)
	for last := false; ; {
		again := false
		for j, w := range wanted {
			if width[j] >= 0 {
				continue
			}
			share := 1 + extra/left
			if share >= w {
				share, again = max(w, 1), true
			} else if !last {
				continue
			}
			width[j] = share
			extra -= share - 1
			left--
			if again && !last {
				break
			}
		}
		if last || left == 0 {
			return width
		}
		last = !again
	}
}

func (t *Table) printRow(h *Host, row []Cell, shown, width []int, head bool) {
	var lines [][]string
	height := 1
	for _, c := range shown {
		text := row[c].shown()
		l := strings.Split(text, "\n")
		height = max(height, len(l))
		lines = append(lines, l)
	}
	for n := range height {
		gap := ""
		for j, c := range shown {
			field := ""
			if n < len(lines[j]) {
				field = lines[j][n]
			}
			gap = t.printCell(h, row[c], field, width[j], j, j == len(shown)-1, head, gap)
		}
		h.Print("\n")
	}
}

// printCell writes one line of one cell, with the gap left of it in the colour gap, and returns the colour of the gap to its right.
func (t *Table) printCell(h *Host, c Cell, field string, width, j int, last, head bool, gap string) string {
	colour, right := "", ""
	if h.Coloured() {
		switch {
		case c.Under && c.Colour == NoColour:
			colour = h.UnderlinedColour(Normal)
		case c.Under:
			colour = h.UnderlinedColour(c.Colour)
		case c.Colour != NoColour:
			colour = h.Colour(c.Colour)
		case c.Empty:
			colour = h.Colour(Grey)
		}
		if c.Gap {
			right = colour
		}
	}
	switch w := Width(field); {
	case w > width:
		field = h.Ellipsize(field, width, 100)
	case w < width:
		pad := strings.Repeat(" ", width-w)
		if c.Right {
			field = pad + field
		} else {
			field += pad
		}
		if last && (!h.Coloured() || (colour == "" && !head)) {
			field = strings.TrimRight(field, " \t\n\r")
		}
	}
	if !h.Coloured() {
		if j > 0 {
			h.Print(" ")
		}
		h.Print(field)
		return ""
	}
	underline := h.UnderlinedColour(Normal)
	if gap != "" {
		h.Print(gap)
	} else if head {
		h.Print(underline)
	}
	if j > 0 {
		h.Print(" ")
	}
	normal := h.Colour(Normal)
	if gap != "" || (colour != "" && head) {
		h.Print(normal)
	}
	if colour != "" {
		h.Print(colour)
	} else if gap != "" && head {
		h.Print(underline)
	}
	h.Print(field)
	if colour != "" || head {
		h.Print(normal)
	}
	return right
}

// JSONStyle is how JSON is laid out.
type JSONStyle uint8

// The layouts: everything in one line, and a line for each value.
const (
	JSONShort JSONStyle = iota
	JSONPretty
)

// PrintJSON writes the table as an array of objects.
func (t *Table) PrintJSON(h *Host, style JSONStyle) {
	shown := t.columns()
	rows := make([]any, 0, len(t.Rows))
	for _, r := range t.Rows {
		var o Object
		for _, c := range shown {
			var v any = r[c].Text
			switch {
			case r[c].JSON != nil:
				v = r[c].JSON
			case r[c].Empty:
				v = nil
			}
			o = append(o, Member{strings.ReplaceAll(t.Header[c], " ", "_"), v})
		}
		rows = append(rows, o)
	}
	h.Print(JSON(rows, style))
	h.Print("\n")
}

// Object is a JSON object that keeps the order of its members.
type Object []Member

// Member is a name and a value: nil, string, bool, a number, []any or Object.
type Member struct {
	Name  string
	Value any
}

// JSON lays a value out (json_variant_dump of src/shared/json.c): tabs, and blanks around the colon, where it is pretty.
func JSON(v any, style JSONStyle) string {
	var b strings.Builder
	writeJSON(&b, v, style, "")
	return b.String()
}

func writeJSON(b *strings.Builder, v any, style JSONStyle, indent string) {
	open := func(i int, bracket string) {
		if i == 0 {
			b.WriteString(bracket)
		} else {
			b.WriteByte(',')
		}
		if style == JSONPretty {
			b.WriteString("\n" + indent + "\t")
		}
	}
	shut := func(n int, empty, bracket string) {
		if n == 0 {
			b.WriteString(empty)
			return
		}
		if style == JSONPretty {
			b.WriteString("\n" + indent)
		}
		b.WriteString(bracket)
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			open(i, "[")
			writeJSON(b, e, style, indent+"\t")
		}
		shut(len(v), "[]", "]")
	case Object:
		for i, m := range v {
			open(i, "{")
			writeJSON(b, m.Name, style, "")
			if style == JSONPretty {
				b.WriteString(" : ")
			} else {
				b.WriteByte(':')
			}
			writeJSON(b, m.Value, style, indent+"\t")
		}
		shut(len(v), "{}", "}")
	default:
		var plain strings.Builder
		e := json.NewEncoder(&plain)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			b.WriteString("null") // none of the types that Member names
			return
		}
		b.WriteString(strings.TrimSuffix(plain.String(), "\n"))
	}
}
