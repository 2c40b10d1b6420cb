package boot

import (
	"fmt"
	"path/filepath"
	"strings"

	"keelson/init/unitfiles"
)

// A first boot is one without a machine id, or with one that says "uninitialized" (machine-id(5), "First Boot Semantics"): systemd then enables what the
// presets want enabled, and disables nothing (manager_preset_all in src/core/manager.c). Of most images every container is a first boot, and what their packages
// have left disabled is so on purpose, as is ssh.socket beside ssh.service. So what no preset names stays as it is, where systemd's rule is to
// enable it.

// populate enables, below a root directory, what presets name and nobody has enabled.
func populate(root string) []string {
	files := unitfiles.New(root)
	patterns, err := files.PresetEnables()
	var names []string
	var disabled []unitfiles.File
	if len(patterns) > 0 {
		disabled, err = files.List([]unitfiles.State{unitfiles.Disabled}, patterns)
	}
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
