package ns

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Process is a process and its namespaces.
type Process struct {
	PID    int               `json:"pid"`
	Comm   string            `json:"comm"`
	NS     map[string]uint64 `json:"ns"`               // by kind: the inode of /proc/PID/ns/KIND; a kind that the kernel lacks is missing
	Hidden string            `json:"hidden,omitempty"` // why NS is empty

	SharedWithPID1 []string         `json:"shared_with_pid1"`
	SharedWith     map[string][]int `json:"shared_with"` // by kind: the other processes shown that share it, PID 1 aside
}

// View is processes side by side.
type View struct {
	PID1Hidden string    `json:"pid1_hidden,omitempty"` // why nothing can be said about PID 1
	Processes  []Process `json:"processes"`
}

// read looks at /proc/PID/ns.
func read(pid int) (Process, error) {
	p := Process{PID: pid, NS: map[string]uint64{}, SharedWithPID1: []string{}, SharedWith: map[string][]int{}}
	dir := "/proc/" + strconv.Itoa(pid)
	comm, err := os.ReadFile(dir + "/comm")
	if os.IsNotExist(err) {
		if _, err := os.Stat("/proc/self"); err != nil {
			return p, fmt.Errorf("no /proc is mounted: namespaces cannot be seen without one")
		}
		return p, fmt.Errorf("there is no process %d", pid)
	} else if err != nil {
		return p, err
	}
	p.Comm = strings.TrimSpace(string(comm))
	for _, k := range Kinds {
		link, err := os.Readlink(dir + "/ns/" + k.Name)
		if os.IsNotExist(err) {
			continue
		}
		if os.IsPermission(err) {
			p.Hidden = fmt.Sprintf("the namespaces of process %d (%s) are hidden: it takes the same user and no fewer capabilities, or CAP_SYS_PTRACE", pid, p.Comm)
			return p, nil
		}
		if err != nil {
			return p, fmt.Errorf("cannot see the namespaces of process %d (%s): %w", pid, p.Comm, err)
		}
		var id uint64
		if _, err := fmt.Sscanf(link, k.Name+":[%d]", &id); err != nil {
			return p, fmt.Errorf("cannot see the namespaces of process %d (%s): %q is not KIND:[ID]", pid, p.Comm, link)
		}
		p.NS[k.Name] = id
	}
	return p, nil
}

// LookAt reads the namespaces of the processes and compares them with PID 1's and with each other's. Repeated pids are shown once.
func LookAt(pids []int) (View, error) {
	var v View
	first, err := read(1)
	v.PID1Hidden = first.Hidden
	if err != nil {
		v.PID1Hidden = err.Error()
	}
	seen := map[int]bool{}
	for _, pid := range pids {
		if seen[pid] {
			continue
		}
		seen[pid] = true
		p, err := read(pid)
		if err != nil {
			return v, err
		}
		v.Processes = append(v.Processes, p)
	}
	for i := range v.Processes {
		p := &v.Processes[i]
		for _, k := range Kinds {
			id, ok := p.NS[k.Name]
			if ok && v.PID1Hidden == "" && p.PID != 1 && id == first.NS[k.Name] {
				p.SharedWithPID1 = append(p.SharedWithPID1, k.Name)
			}
			for _, q := range v.Processes {
				if ok && q.PID != p.PID && q.PID != 1 && q.NS[k.Name] == id {
					p.SharedWith[k.Name] = append(p.SharedWith[k.Name], q.PID)
				}
			}
		}
	}
	return v, nil
}

// Print writes the view as a table, a kind a row. Behind an id stands = if PID 1 has the same, else a letter that all processes
// shown with that namespace have.
func (v View) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	heads := []string{"", ""}
	for _, p := range v.Processes {
		heads[0] += fmt.Sprintf("\t%d", p.PID)
		heads[1] += "\t" + p.Comm
	}
	fmt.Fprintf(t, "PID%s\nCOMMAND%s\n", heads[0], heads[1])
	for _, k := range Kinds {
		fmt.Fprint(t, k.Name)
		letters := map[uint64]string{}
		for _, p := range v.Processes {
			id, ok := p.NS[k.Name]
			switch {
			case p.Hidden != "":
				fmt.Fprint(t, "\t?")
				continue
			case !ok:
				fmt.Fprint(t, "\t-")
				continue
			case slices.Contains(p.SharedWithPID1, k.Name):
				fmt.Fprintf(t, "\t%d =", id)
				continue
			case len(p.SharedWith[k.Name]) > 0 && p.PID != 1:
				if letters[id] == "" {
					letters[id] = string(rune('a' + len(letters)))
				}
				fmt.Fprintf(t, "\t%d %s", id, letters[id])
				continue
			}
			fmt.Fprintf(t, "\t%d", id)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	legend := "= the same as PID 1's; the same letter in a row: shared with each other\n"
	notes := map[string]bool{v.PID1Hidden: true}
	if v.PID1Hidden != "" {
		legend = "the same letter in a row: shared with each other; " + v.PID1Hidden + "\n"
	}
	for _, p := range v.Processes {
		if !notes[p.Hidden] && p.Hidden != "" {
			legend += p.Hidden + "\n"
		}
	}
	_, err := io.WriteString(w, legend)
	return err
}
