package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary be keelson import.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "import" {
		os.Exit(importUnits(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestImport calls the command on files in a folder of its own, which is DIR in arguments and output.
func TestImport(t *testing.T) {
	const conf = "[program:a]\ncommand=/bin/a\n[program:b]\ncommand=/bin/b\nautostart=false\n"
	files := map[string]string{
		"super.conf": conf, "lossy.ini": conf + "serverurl=http://x\n", "broken.conf": "[program:a]\n", "Procfile": "web: /bin/web\n", "app.txt": "job: /bin/job\n",
		"other.conf": "Listen 80\n", "tree/services.d/old/run": "#!/bin/sh\n", "rc/new/type": "oneshot\n", "rc/new/up": "/bin/up\n", "empty/x": "", "there/a.service": "mine\n",
	}
	for _, c := range []struct {
		args   string
		status int
		out    string   // on standard output, whole where nothing was written
		err    string   // the last line on standard error
		wrote  []string // below DIR/out
	}{
		{"--output DIR/out DIR/super.conf", 0, "DIR/out/a.service\nDIR/out/b.service\n", "systemctl enable a.service", []string{"a.service", "b.service"}},
		{"--output DIR/out DIR/Procfile DIR/app.txt", 0, "DIR/out/web.service\nDIR/out/job.service\n", "systemctl enable web.service job.service", []string{"job.service", "web.service"}},
		{"--output DIR/out DIR/tree DIR/rc", 0, "DIR/out/old.service\nDIR/out/new.service\n", "systemctl enable old.service new.service", []string{"new.service", "old.service"}},
		{"--output DIR/out --dry-run DIR/super.conf", 0, "DIR/out/a.service\nDIR/out/b.service\n", "systemctl enable a.service", nil},
		{"--output DIR/out --strict DIR/super.conf", 0, "DIR/out/a.service\nDIR/out/b.service\n", "systemctl enable a.service", []string{"a.service", "b.service"}},
		{"--output DIR/out --strict DIR/lossy.ini", 1, "DIR/out/a.service\nDIR/out/b.service\n", "systemctl enable a.service", []string{"a.service", "b.service"}},
		{"--output DIR/out DIR/lossy.ini", 0, "DIR/out/a.service\nDIR/out/b.service\n", "systemctl enable a.service", []string{"a.service", "b.service"}},
		{"--output - --from procfile DIR/Procfile", 0, "# web.service\n[Unit]\nDescription=web\n", "systemctl enable web.service", nil},
		{"--output DIR/there DIR/super.conf", 125, "", "keelson: import: DIR/there/a.service is there already; --force writes over it", nil},
		{"--output DIR/there --dry-run DIR/super.conf", 125, "", "keelson: import: DIR/there/a.service is there already; --force writes over it", nil},
		{"--output DIR/there --force DIR/super.conf", 0, "DIR/there/a.service\nDIR/there/b.service\n", "systemctl enable a.service", nil},
		{"--output DIR/out DIR/super.conf DIR/lossy.ini", 125, "", "keelson: import: two units would be named a.service", nil},
		{"DIR/broken.conf", 125, "", "keelson: import: DIR/broken.conf:1: [program:a]: there is no command=", nil},
		{"DIR/other.conf", 125, "", "keelson: import: DIR/other.conf: it looks like neither a supervisord.conf nor a Procfile; --from says which it is", nil},
		{"DIR/empty", 125, "", "keelson: import: DIR/empty: neither services of s6 nor a folder with services.d, cont-init.d or s6-rc.d in it", nil},
		{"DIR/none", 125, "", "keelson: import: stat DIR/none: no such file or directory", nil},
		{"--from cron DIR/super.conf", 125, "", `keelson: import: --from: "cron" is none of supervisord, procfile, s6`, nil},
		{"", 125, "", "keelson: import: no file given; keelson import --help tells more", nil},
		{"--nope", 125, "", "keelson: import: flag provided but not defined: -nope; keelson import --help lists the options", nil},
	} {
		t.Run(c.args, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range files {
				file := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(os.Args[0], append([]string{"import"}, strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))...)...)
			var out, errs strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &errs
			cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("status %d, want %d: %s", got, c.status, errs.String())
			}
			shown := strings.ReplaceAll(out.String(), dir, "DIR")
			if c.out == "" && shown != "" || !strings.HasPrefix(shown, c.out) {
				t.Errorf("output %q, want %q", shown, c.out)
			}
			lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(errs.String(), dir, "DIR")), "\n")
			if lines[len(lines)-1] != c.err || c.status == 125 && len(lines) != 1 {
				t.Errorf("said %q, want %q", lines, c.err)
			}
			var wrote []string
			entries, _ := os.ReadDir(filepath.Join(dir, "out"))
			for _, e := range entries {
				wrote = append(wrote, e.Name())
			}
			if !slices.Equal(wrote, c.wrote) {
				t.Errorf("wrote %q, want %q", wrote, c.wrote)
			}
			mine, err := os.ReadFile(filepath.Join(dir, "there/a.service"))
			if forced := strings.Contains(c.args, "--force"); err != nil || forced == (string(mine) == "mine\n") {
				t.Errorf("the unit that was there is %q: %v", mine, err)
			}
		})
	}
}
