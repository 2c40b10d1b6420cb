package systemctl

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// What an editor is shown stands between these lines: what comes before and after is for the reader only.
const (
	editStart = "### Anything between here and the comment below will become the new contents of the file"
	editEnd   = "### Lines below this comment will be discarded"
)

// draft is a file being edited: where it goes, and where it is meanwhile.
type draft struct{ path, temporary string }

// configDir is where files of the administrator's go.
func (c *ctl) configDir() string {
	if c.runtime {
		return "/run/systemd/system"
	}
	return "/etc/systemd/system"
}

// edit lets a person change unit files: a drop-in, or with --full a copy of the whole (verb_edit of systemctl-edit.c). With --stdin (256)
// the new contents are read.
func (c *ctl) edit(_ string, args []string) int {
	if !c.stdin && !c.OnTerminal() {
		return c.Fail("Cannot edit units if not on a tty.")
	}
	if c.remote != "" {
		return c.Fail("Cannot edit units remotely.")
	}
	return c.withManager(func(m *manager.Conn) int {
		names, _, err := c.expand(m, args, unit.TypeService)
		if err != nil {
			return 1
		}
		if len(names) == 0 {
			return c.Fail("No units matched the specified patterns.")
		}
		drafts, err := c.drafts(m, names)
		defer func() {
			for _, d := range drafts {
				_ = os.Remove(d.temporary)
				if !c.full {
					_ = os.Remove(filepath.Dir(c.Path(d.path))) // it goes if nothing is in it
				}
			}
		}()
		if err != nil {
			return 1
		}
		if c.stdin {
			err = c.fillDrafts(drafts)
		} else {
			err = c.runEditor(drafts)
		}
		if err != nil {
			return 1
		}
		for _, d := range drafts {
			if c.finish(d) != nil {
				return 1
			}
		}
		if c.noReload || c.clientSide() {
			return 0
		}
		return c.reload("Reload")
	})
}

// drafts begins a draft for each unit. Those that have been begun are returned with an error, too.
func (c *ctl) drafts(m *manager.Conn, names []string) (drafts []draft, err error) {
	for _, n := range names {
		f, err := c.filesOf(m, n)
		switch {
		case errors.Is(err, errMasked):
			return drafts, c.refuse("Cannot edit %s: unit is masked.", n)
		case errors.Is(err, errNotLoaded):
			f = c.filesHere(n)
		case err != nil:
			return drafts, err
		}
		d, err := c.draft(n, f)
		if err != nil {
			return drafts, err
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// draft begins a draft for a unit.
func (c *ctl) draft(name string, f files) (draft, error) {
	target := name
	if f.fragment == "" {
		if c.force == 0 {
			c.Errorf("No files found for %s.", name)
			c.Infof("Run 'systemctl edit%s --force --full %s' to create a new unit.",
				map[scope]string{globalScope: " --global", userScope: " --user"}[c.scope], name)
			return draft{}, errFailed
		}
	} else {
		// An alias is followed, but an instance stays the instance.
		target = filepath.Base(f.fragment)
		if unit.ValidName(name, unit.InstanceName) && unit.ValidName(target, unit.TemplateName) {
			if _, instance, _, _, ok := unit.SplitName(name); ok {
				if i, err := unit.Instantiate(target, instance); err == nil {
					target = i
				}
			}
		}
	}
	if !c.full {
		dropIn := "override.conf"
		if c.dropIn != "" {
			dropIn = strings.TrimSuffix(c.dropIn, ".conf") + ".conf"
		}
		target += ".d/" + dropIn
	}
	d := draft{path: filepath.Join(c.configDir(), target)}
	if persistent := filepath.Join("/etc/systemd/system", target); c.runtime && exists(c.Path(persistent)) {
		return d, c.refuse("Refusing to create \"%s\" because it would be overridden by \"%s\" anyway.", d.path, persistent)
	}
	var text []byte
	var err error
	switch {
	case c.full && f.fragment != "":
		if f.fragment != d.path && exists(c.Path(d.path)) && !c.stdin {
			if !c.confirm(d.path, f.fragment) {
				c.Warnf("%s skipped.", name)
				return d, errFailed
			}
		}
		if text, err = os.ReadFile(c.Path(f.fragment)); err != nil {
			return d, c.refuse("Failed to read \"%s\": %s", f.fragment, applet.Cause(err))
		}
	case !c.full && f.fragment != "" && !c.stdin:
		if text, err = c.annotated(d.path, f); err != nil {
			return d, err
		}
	}
	return c.write(d, text)
}

// write puts the draft's text into a file beside its path.
func (c *ctl) write(d draft, text []byte) (draft, error) {
	dir := filepath.Dir(c.Path(d.path))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return d, c.refuse("Failed to create directories for \"%s\": %s", d.path, applet.Cause(err))
	}
	t, err := os.CreateTemp(dir, ".#"+filepath.Base(d.path))
	if err != nil {
		return d, c.refuse("Failed to create temporary file for \"%s\": %s", d.path, applet.Cause(err))
	}
	d.temporary = t.Name()
	_, err = t.Write(text)
	err = errors.Join(err, t.Chmod(0o644), t.Close())
	if err != nil {
		return d, c.refuse("Failed to create temporary file \"%s\": %s", d.temporary, applet.Cause(err))
	}
	return d, nil
}

// annotated is what an editor is shown of a drop-in: what is in it, and below as comments the files that it is for.
func (c *ctl) annotated(path string, f files) ([]byte, error) {
	old, err := os.ReadFile(c.Path(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, c.refuse("Failed to read \"%s\": %s", path, applet.Cause(err))
	}
	var b bytes.Buffer
	b.WriteString("### Editing " + path + "\n" + editStart + "\n\n")
	b.Write(old)
	if !bytes.HasSuffix(old, []byte("\n")) {
		b.WriteByte('\n')
	}
	b.WriteString("\n" + editEnd)
	for _, p := range append([]string{f.fragment}, f.dropIns...) {
		if p == path {
			continue
		}
		text, err := os.ReadFile(c.Path(p))
		if err != nil {
			return nil, c.refuse("Failed to read \"%s\": %s", p, applet.Cause(err))
		}
		b.WriteString("\n\n### " + p)
		if t := strings.TrimSpace(string(text)); t != "" {
			b.WriteString("\n# " + strings.ReplaceAll(t, "\n", "\n# "))
		}
	}
	return b.Bytes(), nil
}

// confirm asks whether a file may be overwritten.
func (c *ctl) confirm(path, by string) bool {
	for {
		c.Printf("\"%s\" already exists. Overwrite with \"%s\"? [(y)es, (n)o] ", path, by)
		c.Flush()
		var answer [1]byte
		line := ""
		for {
			if _, err := io.ReadFull(c.Stdin, answer[:]); err != nil || answer[0] == '\n' {
				if err != nil && line == "" {
					return false
				}
				break
			}
			line += string(answer[:])
		}
		switch line {
		case "y":
			return true
		case "n":
			return false
		}
	}
}

// fillDrafts reads the contents of all drafts from the standard input.
func (c *ctl) fillDrafts(drafts []draft) error {
	text, err := io.ReadAll(c.Stdin)
	if err != nil {
		return c.refuse("Failed to read from standard input: %s", applet.Cause(err))
	}
	for _, d := range drafts {
		if err := os.WriteFile(d.temporary, text, 0o644); err != nil {
			return c.refuse("Failed to write \"%s\": %s", d.temporary, applet.Cause(err))
		}
	}
	return nil
}

// editors are tried if the environment names none.
var editors = []string{"editor", "nano", "vim", "vi"}

// runEditor runs the editor on all drafts.
func (c *ctl) runEditor(drafts []draft) error {
	var paths []string
	for _, d := range drafts {
		paths = append(paths, d.temporary)
	}
	chosen := ""
	for _, name := range []string{"SYSTEMD_EDITOR", "EDITOR", "VISUAL"} {
		if v, set := c.Lookupenv(name); set {
			chosen = v
			break
		}
	}
	candidates := [][]string{}
	if w := strings.Fields(chosen); len(w) > 0 {
		candidates = append(candidates, w)
	}
	for _, e := range editors {
		candidates = append(candidates, []string{e})
	}
	for _, e := range candidates {
		cmd := exec.Command(e[0], append(e[1:], paths...)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = c.Stdin, c.Stdout, c.Stderr, c.Environ
		c.Flush()
		err := cmd.Run()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
			continue
		}
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			return c.refuse("(editor) failed with exit status %d.", ended.ExitCode())
		}
		return c.refuse("Failed to execute %s: %s", e[0], applet.Cause(err))
	}
	return c.refuse("Cannot edit units, no editor available. Please set either $SYSTEMD_EDITOR, $EDITOR or $VISUAL.")
}

// finish puts a draft in its place, without what was for the reader only. An empty one is a change of mind.
func (c *ctl) finish(d draft) error {
	b, err := os.ReadFile(d.temporary)
	if err != nil {
		return c.refuse("Failed to read temporary file \"%s\": %s", d.temporary, applet.Cause(err))
	}
	text := string(b)
	_, behind, started := strings.Cut(text, editStart)
	if started {
		text = behind
	}
	text, _, ended := strings.Cut(text, editEnd)
	if started || ended {
		text = strings.TrimSpace(text)
		if text != "" {
			text += "\n"
		}
		if err := os.WriteFile(d.temporary, []byte(text), 0o644); err != nil {
			return c.refuse("Failed to modify temporary file \"%s\": %s", d.temporary, applet.Cause(err))
		}
	}
	if text == "" {
		c.Warnf("Editing \"%s\" canceled: temporary file is empty.", d.path)
		return nil
	}
	if err := os.Rename(d.temporary, c.Path(d.path)); err != nil {
		return c.refuse("Failed to rename \"%s\" to \"%s\": %s", d.temporary, d.path, applet.Cause(err))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
