package main

import (
	"fmt"
	"strings"

	"keelson/supervise/unit"
)

const directivesHead = `# Directives

Every key of unit files that keelson reads, and what becomes of it in a container. Made from the table that reads them (` + "`make docs`" + `); what each does is
said by the manual page named.

* **honoured**: it does what its page says, with Docker's default privileges.
* **needs …**: it needs that privilege. Where the container has it, it is honoured; where not, the unit runs without it, one line in the log and in ` + "`systemctl status`" + `
  says so, and with ` + "`KEELSON_STRICT=1`" + ` the unit fails with systemd's exit status.
* **without meaning**: it is read and checked, and what it is about is not in a container.
* **removed**: systemd 252 ignores it, and so does keelson.

`

// directives is docs/directives.md: a table a section. Sections that have the same keys from the same pages share one.
func directives() string {
	var b strings.Builder
	b.WriteString(directivesHead)
	type row struct{ name, form, page, standing string }
	type table struct {
		sections []string
		rows     []row
	}
	rows := map[row]map[string]bool{} // in which sections
	var order []row
	var sections []string
	count := map[unit.Standing]int{}
	for d := range unit.Directives() {
		r := row{d.Name, d.Form, d.Page, standing(d)}
		if rows[r] == nil {
			rows[r] = map[string]bool{}
			order = append(order, r)
			count[d.Standing]++
		}
		rows[r][d.Section] = true
		if len(sections) == 0 || sections[len(sections)-1] != d.Section {
			sections = append(sections, d.Section)
		}
	}
	var tables []*table
	index := map[string]*table{}
	for _, r := range order {
		var in []string
		for _, s := range sections {
			if rows[r][s] {
				in = append(in, s)
			}
		}
		key := strings.Join(in, ", ")
		if index[key] == nil {
			index[key] = &table{sections: in}
			tables = append(tables, index[key])
		}
		index[key].rows = append(index[key].rows, r)
	}
	fmt.Fprintf(&b, "%d keys are honoured, %d need a privilege, %d are without meaning, %d are removed.\n",
		count[unit.Honoured], count[unit.Privileged], count[unit.Inert], count[unit.Removed])
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## [%s]\n\n| key | value | | page |\n|---|---|---|---|\n", strings.Join(t.sections, "], ["))
		for _, r := range t.rows {
			fmt.Fprintf(&b, "| `%s=` | %s | %s | %s |\n", r.name, cell(r.form), cell(r.standing), r.page)
		}
	}
	return b.String()
}

func standing(d unit.Directive) string {
	var s string
	switch d.Standing {
	case unit.Privileged:
		s = "needs " + string(d.Needs)
	case unit.Inert:
		s = "without meaning: " + d.Reason
	default:
		s = d.Standing.String()
	}
	if d.Since != 0 {
		s += fmt.Sprintf(" (of systemd %d)", d.Since)
	}
	return s
}
