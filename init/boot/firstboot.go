package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keelson/init/unitfiles"
)

// A first boot is one without a machine id, or with one that says "uninitialized" (machine-id(5), "First Boot Semantics"): systemd then enables what the
// presets want enabled, and disables nothing (manager_preset_all in src/core/manager.c). Of most images every container is a first boot, and what their packages
// have left disabled is so on purpose, as is ssh.socket beside ssh.service. So what no preset names stays as it is, where systemd's rule is to
// enable it.

// presetDirs are where presets are, the most important first (systemd.preset(5)).
var presetDirs = []string{
	"/etc/systemd/system-preset", "/run/systemd/system-preset", "/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset", "/lib/systemd/system-preset",
}

// populate enables, below a root directory, what presets name and nobody has enabled.
func populate(root string) []string {
	patterns := presetPatterns(root)
	if len(patterns) == 0 {
		return nil
	}
	files := unitfiles.New(root)
	disabled, err := files.List([]unitfiles.State{unitfiles.Disabled}, patterns)
	var names []string
	for _, f := range disabled {
		if f.Preset == "enabled" {
			names = append(names, filepath.Base(f.Path))
		}
	}
	var done []string
	for _, name := range names { // one that cannot be enabled keeps no other from it
		changes, _, e := files.Preset([]string{name}, unitfiles.PresetEnableOnly, unitfiles.Options{})
		if refused := unitfiles.Refusal(changes, e); refused != nil {
			err = fmt.Errorf("%s: %w", name, refused)
		} else if len(changes) > 0 {
			done = append(done, name)
		}
	}
	var notices []string
	if err != nil {
		notices = append(notices, fmt.Sprintf("Failed to populate /etc with preset unit settings, ignoring: %v", err))
	}
	if len(done) > 0 {
		notices = append(notices, "First boot: populated /etc with preset unit settings: "+strings.Join(done, ", "))
	}
	return notices
}

// presetPatterns are those of the lines that enable something. Which line decides is package unitfiles' to say.
func presetPatterns(root string) (patterns []string) {
	var seen []string
	for _, dir := range presetDirs {
		entries, _ := os.ReadDir(filepath.Join(root, dir)) // mostly there is none
		for _, e := range entries {
			if filepath.Ext(e.Name()) != ".preset" || slices.Contains(seen, e.Name()) {
				continue // a name counts once
			}
			seen = append(seen, e.Name())
			text, _ := os.ReadFile(filepath.Join(root, dir, e.Name())) // one that cannot be read names nothing
			for line := range strings.Lines(string(text)) {
				if words := strings.Fields(line); len(words) > 1 && words[0] == "enable" {
					patterns = append(patterns, words[1])
				}
			}
		}
	}
	return patterns
}
