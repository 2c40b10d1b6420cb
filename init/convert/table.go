package convert

import (
	"slices"
	"strings"
)

// row is one of the table: what was there, and what it becomes.
type row struct{ from, becomes string }

// Table is what becomes of everything, as Markdown: one table for each kind of file.
func Table() string {
	var sections, settings []row
	for _, r := range supervisordSections {
		sections = append(sections, row{"`[" + r.kind + "]`", r.becomes + reason(r.lost)})
	}
	for _, r := range programRules() {
		keys := slices.Clone(r.keys)
		for i := range keys {
			keys[i] = "`" + keys[i] + "`"
		}
		settings = append(settings, row{strings.Join(keys, ", "), r.becomes})
	}
	var b strings.Builder
	for _, t := range []struct {
		title, head string
		rows        []row
	}{
		{"supervisord.conf: sections", "section", sections},
		{"supervisord.conf: settings of programs", "setting", settings},
		{"Procfile", "line", procfileRows},
		{"s6-rc and s6-overlay", "file", s6Rows},
	} {
		b.WriteString("\n## " + t.title + "\n\n| " + t.head + " | becomes |\n|---|---|\n")
		for _, r := range t.rows {
			b.WriteString("| " + strings.ReplaceAll(r.from, "|", `\|`) + " | " + strings.ReplaceAll(r.becomes, "|", `\|`) + " |\n")
		}
	}
	return b.String()
}

func reason(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}
