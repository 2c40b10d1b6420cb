package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"keelson/init/boot"
	"keelson/init/convert"
)

const importHelp = `keelson import [OPTIONS] FILE|DIR...

Makes systemd units of what another supervisor reads: a supervisord.conf, a Procfile, or folders of s6-rc and s6-overlay (services.d, cont-init.d,
s6-rc.d, or /etc with these in it). What could not be carried over is said, one line each. Nothing is enabled or started: the last line is the command
that does. For a Dockerfile:

  RUN ["/sbin/keelson", "import", "/etc/supervisor/supervisord.conf"]

  --output DIR   where the units go (default: /etc/systemd/system); - prints them
  --from supervisord|procfile|s6
                 what the files are, where they do not tell
  --force        write over units that are there
  --dry-run      say what would be written
  --strict       end with 1 if something could not be carried over

Exit status: 0 done, 1 with --strict: something was lost, 125 it could not be done.
`

// importLost is the exit status for what --strict does not let pass.
const importLost = 1

func importUnits(args []string) int {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	output := flags.String("output", "/etc/systemd/system", "")
	from := flags.String("from", "", "")
	force := flags.Bool("force", false, "")
	dry := flags.Bool("dry-run", false, "")
	strict := flags.Bool("strict", false, "")
	if status, done := parse(flags, args, importHelp); done {
		return status
	}
	if flags.NArg() == 0 {
		return refuse("import", errors.New("no file given; keelson import --help tells more"))
	}
	result, err := convertAll(flags.Args(), *from)
	if err != nil {
		return refuse("import", err)
	}
	w := unitWriter{dir: *output, force: *force, dry: *dry}
	if err := w.write(result.Units); err != nil {
		return refuse("import", err)
	}
	for _, r := range result.Remarks {
		fmt.Fprintln(os.Stderr, r)
	}
	if names := result.Enable(); len(names) > 0 {
		fmt.Fprintln(os.Stderr, "systemctl enable "+strings.Join(names, " "))
	}
	if *strict && result.Lost() {
		return importLost
	}
	return 0
}

// convertAll converts all that was named. Folders belong together.
func convertAll(names []string, kind string) (convert.Result, error) {
	src := convert.Source{FS: os.DirFS("/"), Getenv: os.LookupEnv}
	var results []convert.Result
	var folders []string
	for _, name := range names {
		file, err := filepath.Abs(name)
		if err != nil {
			return convert.Result{}, err
		}
		k, err := kindOf(src, file, kind)
		if err != nil {
			return convert.Result{}, err
		}
		var r convert.Result
		switch k {
		case "s6":
			folders = append(folders, file)
			continue
		case "supervisord":
			r, err = convert.Supervisord(src, file)
		case "procfile":
			r, err = convertProcfile(src, file)
		default:
			err = fmt.Errorf("--from: %q is none of supervisord, procfile, s6", k)
		}
		if err != nil {
			return convert.Result{}, err
		}
		results = append(results, r)
	}
	if len(folders) > 0 {
		r, err := convert.S6(src, folders)
		if err != nil {
			return convert.Result{}, err
		}
		results = append(results, r)
	}
	return convert.Join(results...)
}

var (
	supervisordSection = regexp.MustCompile(`(?m)^\[(supervisord|supervisorctl|include|group:.*|program:.*|fcgi-program:.*|eventlistener:.*)\]`)
	procfileLine       = regexp.MustCompile(`(?m)^[A-Za-z0-9_-]+:\s*\S`)
)

// kindOf tells what a file is by its name and content.
func kindOf(src convert.Source, file, said string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	switch {
	case said != "":
		return said, nil
	case info.IsDir() && convert.IsS6(src, file):
		return "s6", nil
	case info.IsDir():
		return "", fmt.Errorf("%s: neither services of s6 nor a folder with services.d, cont-init.d or s6-rc.d in it", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	switch base := filepath.Base(file); {
	case supervisordSection.Match(text):
		return "supervisord", nil
	case strings.HasPrefix(base, "Procfile"), procfileLine.Match(text):
		return "procfile", nil
	}
	return "", fmt.Errorf("%s: it looks like neither a supervisord.conf nor a Procfile; --from says which it is", file)
}

func convertProcfile(src convert.Source, file string) (convert.Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return convert.Result{}, err
	}
	services, err := boot.ReadProcfile(file, string(text), "on-failure")
	if err != nil {
		return convert.Result{}, err
	}
	lines := make([]convert.Line, len(services))
	for i, s := range services {
		lines[i] = convert.Line{Name: s.Name, Command: s.Command[len(s.Command)-1], Number: s.Line}
	}
	return convert.Procfile(src, file, lines)
}

// unitWriter writes units to where systemd looks for them.
type unitWriter struct {
	dir        string
	force, dry bool
}

// packaged are the folders whose units one of the same name in /etc takes the place of.
var packaged = []string{"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// write writes all, or nothing where one of them is there already.
func (w unitWriter) write(units []convert.Unit) error {
	if w.dir == "-" {
		for i, u := range units {
			if i > 0 {
				fmt.Println()
			}
			fmt.Printf("# %s\n%s", u.Name, u.Text)
		}
		return nil
	}
	for _, u := range units {
		if _, err := os.Lstat(filepath.Join(w.dir, u.Name)); err == nil && !w.force {
			return fmt.Errorf("%s is there already; --force writes over it", filepath.Join(w.dir, u.Name))
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !w.dry {
		if err := os.MkdirAll(w.dir, 0o755); err != nil {
			return err
		}
	}
	for _, u := range units {
		file := filepath.Join(w.dir, u.Name)
		if !w.dry {
			if err := replaceFile(file, u.Text); err != nil {
				return err
			}
		}
		fmt.Println(file)
		for _, dir := range packaged {
			if _, err := os.Stat(filepath.Join(dir, u.Name)); err == nil && dir != filepath.Clean(w.dir) {
				fmt.Fprintf(os.Stderr, "%s: it takes the place of %s\n", file, filepath.Join(dir, u.Name))
				break
			}
		}
	}
	return nil
}

// replaceFile writes a file as a whole, in place of what is there: a link, such as that of a masked unit, is not followed.
func replaceFile(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
