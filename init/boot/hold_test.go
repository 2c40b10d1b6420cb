package boot

import (
	"testing"

	"keelson/init/loop"
	"keelson/supervise/unit"
)

// TestHold: what is held is masked, unless it is a mount that is there.
func TestHold(t *testing.T) {
	files := loop.NewFiles()
	hold(files, func(path string) bool { return path == "/tmp" || path == "/dev/mqueue" })
	masked := func(name string) bool {
		to, err := files.Own.ReadLink(generated[1:] + name)
		return err == nil && to == "/dev/null"
	}
	for _, h := range Held {
		if there := h.unit == "tmp.mount" || h.unit == "dev-mqueue.mount"; masked(h.unit) == there {
			t.Errorf("%s is masked: %v", h.unit, !there)
		}
		if h.reason == "" || !unit.ValidName(h.unit, unit.AnyName) {
			t.Errorf("%q is held for %q", h.unit, h.reason)
		}
	}
}
