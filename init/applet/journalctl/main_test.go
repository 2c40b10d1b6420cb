package journalctl

import (
	"os"
	"testing"

	"keelson/init/applet"
)

// TestMain lets the test binary play journalctl.
func TestMain(m *testing.M) {
	if os.Getenv("KEELSON_PLAY") == "journalctl" {
		os.Exit(Main(append([]string{"journalctl"}, os.Args[1:]...), applet.Process()))
	}
	os.Exit(m.Run())
}
