package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"keelson/test/bench/figures"
)

// A table is printed as the figures come in. Under each figure stand, where there is more than one sample, the quartiles, and the ratio of each
// column to keelson.
type table struct {
	out      io.Writer
	programs []program
	width    []int // of each column, the names of the figures being the first
}

const (
	nameWidth = 34
	cellWidth = 13
)

func newTable(out io.Writer, programs []program) *table {
	t := &table{out: out, programs: programs, width: []int{nameWidth}}
	names := []string{"medians; quartiles; ÷ keelson"}
	for _, p := range programs {
		t.width = append(t.width, max(cellWidth, utf8.RuneCountInString(p.name)+2))
		names = append(names, p.name)
	}
	fmt.Fprintln(out)
	t.line(names)
	return t
}

// line prints the first cell from the left, the others to the right.
func (t *table) line(cells []string) {
	var s strings.Builder
	for i, c := range cells {
		pad := strings.Repeat(" ", max(0, t.width[i]-utf8.RuneCountInString(c)))
		if i == 0 {
			s.WriteString(c + pad)
		} else {
			s.WriteString(pad + c)
		}
	}
	fmt.Fprintln(t.out, strings.TrimRight(s.String(), " "))
}

func (t *table) print(letter string, m measurement, found []figure, took time.Duration) {
	fmt.Fprintf(t.out, "\n%s %s: %s (%.0f s)\n", letter, m.name, m.what, took.Seconds())
	for _, f := range found {
		values, spread, ratios := []string{"  " + f.name}, []string{""}, []string{""}
		for c := range t.programs {
			samples := f.samples[c]
			values = append(values, cell(samples, func() string { return figures.Number(figures.Quantile(samples, 0.5)) }))
			spread = append(spread, cell(samples, func() string {
				return figures.Number(figures.Quantile(samples, 0.25)) + "…" + figures.Number(figures.Quantile(samples, 0.75))
			}))
			ratios = append(ratios, cell(samples, func() string { return figures.Ratio(samples, f.samples[keelson]) }))
		}
		t.line(values)
		if n := len(f.samples[keelson]); n > 1 {
			spread[0] = fmt.Sprintf("    of %d", n)
			t.line(spread)
		}
		t.line(ratios)
	}
}

func cell(samples []float64, text func() string) string {
	if len(samples) == 0 {
		return "-"
	}
	return text()
}
