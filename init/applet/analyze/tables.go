package analyze

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

// searchPath is where unit files are looked for, in the order that Debian up to 12 names /lib and /usr/lib in.
func searchPath() []string { return unit.DefaultSearchPath(true) }

func (p *program) unitPaths([]string) int {
	for _, d := range searchPath() {
		p.Puts(d)
	}
	return 0
}

// classOf is whose convention an exit status is (exit_status_class of src/shared/exit-status.c).
func classOf(status int) string {
	switch {
	case status <= 1:
		return "libc"
	case status >= 200:
		return "systemd"
	case status <= 7:
		return "LSB"
	case status >= 64 && status <= 78:
		return "BSD"
	}
	return "-"
}

func (p *program) exitStatus(args []string) int {
	t := applet.Table{Header: []string{"name", "status", "class"}, RightHeader: []bool{false, true, false}}
	add := func(status int) {
		name, class := unit.ExitStatusName(uint8(status)), classOf(status)
		if name == "" {
			name, class = "-", "-"
		}
		t.Add(applet.Text(name), label(strconv.Itoa(status)), applet.Text(class))
	}
	for _, a := range args {
		s, err := unit.ParseExitStatus(a)
		if err != nil {
			return p.Fail("Invalid exit status \"%s\".", a)
		}
		add(int(s))
	}
	if len(args) == 0 {
		for s := range 256 {
			if unit.ExitStatusName(uint8(s)) != "" {
				add(s)
			}
		}
	}
	p.page()
	t.Print(p.Host)
	return 0
}

func (p *program) capability(args []string) int {
	t := applet.Table{Header: []string{"name", "number"}, RightHeader: []bool{false, true}}
	names := make([]string, 64)
	for i := range names {
		if n := unit.CapabilitySet(1 << i).Names(); len(n) == 1 && !strings.HasPrefix(n[0], "0x") {
			names[i] = n[0]
		}
	}
	add := func(i int) { t.Add(applet.Text(names[i]), label(strconv.Itoa(i))) }
	for _, a := range args {
		i, err := strconv.Atoi(a)
		if err != nil {
			i = slices.Index(names, strings.ToLower(a))
		}
		if i < 0 || i >= len(names) || names[i] == "" {
			return p.Fail("Capability \"%s\" not known.", a)
		}
		add(i)
	}
	for i, n := range names {
		if len(args) == 0 && n != "" {
			add(i)
		}
	}
	p.page()
	t.Print(p.Host)
	return 0
}

// configRoots are where configuration lies, the first first (CONF_PATHS of src/basic/constants.h).
var configRoots = []string{"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"}

func (p *program) catConfig(args []string) int {
	p.page()
	for i, a := range args {
		if i > 0 {
			p.Print("\n\n")
		}
		name := a
		if filepath.IsAbs(a) {
			name = ""
			for _, r := range configRoots {
				if rest, ok := strings.CutPrefix(a, r+"/"); ok {
					name = rest
					break
				}
			}
			if name == "" {
				return p.Fail("Path %s does not start with any known prefix.", a)
			}
		}
		if p.catOne(name) != nil {
			return 1
		}
	}
	return 0
}

// catOne prints a configuration file and its drop-ins, or all files of a folder like tmpfiles.d (conf_files_cat of src/shared/pretty-print.c).
func (p *program) catOne(name string) error {
	var files []string
	folder, suffix := name+".d", ".conf"
	switch {
	case strings.HasSuffix(name, ".d"):
		folder = name
	case strings.HasPrefix(filepath.Base(filepath.Dir(name)), "system-preset"), strings.HasSuffix(name, "-preset"):
		folder, suffix = name, ".preset"
	default:
		if f := p.configFile(name); f != "" {
			files = append(files, f)
		} else {
			p.Puts(p.Paint(applet.HighlightMagenta, "# Main configuration file "+name+" not found"))
		}
	}
	files = append(files, p.dropIns(folder, suffix)...)
	for i, f := range files {
		if err := p.catFile(f, i > 0); err != nil {
			p.Warnf("Failed to cat %s: %s", f, applet.Cause(err))
			return err
		}
	}
	return nil
}

func (p *program) configFile(name string) string {
	for _, r := range configRoots {
		path := filepath.Join(p.root, r, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// dropIns are the files of a folder in all places, by name; of equal names the first counts.
func (p *program) dropIns(folder, suffix string) []string {
	found := map[string]string{}
	for _, r := range configRoots {
		dir := filepath.Join(p.root, r, folder)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if n := e.Name(); strings.HasSuffix(n, suffix) && found[n] == "" {
				found[n] = filepath.Join(dir, n)
			}
		}
	}
	names := make([]string, 0, len(found))
	for n := range found {
		names = append(names, n)
	}
	slices.Sort(names)
	var files []string
	for _, n := range names {
		if fi, err := os.Stat(found[n]); err == nil && fi.Mode().IsRegular() && fi.Size() > 0 { // others are masks
			files = append(files, found[n])
		}
	}
	return files
}

func (p *program) catFile(path string, gap bool) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if gap {
		p.Print("\n")
	}
	p.Printf("%s# %s%s\n", p.Colour(applet.HighlightBlue), p.FileLink(path, ""), p.Colour(applet.Normal))
	for r := bufio.NewReader(in); ; {
		line, err := r.ReadString('\n')
		if line != "" {
			p.Puts(strings.TrimSuffix(line, "\n"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// files is a directory tree as supervise/unit reads it; links lead to where they lead from its root.
type files struct{ root string }

func (f files) at(name string) string { return filepath.Join("/", f.root, name) }

func (f files) ReadFile(name string) ([]byte, error)       { return os.ReadFile(f.at(name)) }
func (f files) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(f.at(name)) }
func (f files) ReadLink(name string) (string, error)       { return os.Readlink(f.at(name)) }
