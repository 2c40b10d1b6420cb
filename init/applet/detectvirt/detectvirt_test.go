package detectvirt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelson/init/applet"
)

func run(root string, args ...string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	status = Main(append([]string{"systemd-detect-virt"}, args...), &applet.Host{Stdout: &out, Stderr: &err, Root: root})
	return out.String(), err.String(), status
}

func TestContainer(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"/proc/1/environ": "container=docker\x00", "/run/systemd/container": "docker\n", "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args, stdout string
		status       int
	}{
		{"", "docker\n", 0}, {"-c", "docker\n", 0}, {"-v", "none\n", 1}, {"-q", "", 0}, {"-q -v", "", 1}, {"--container --quiet", "", 0}, {"-r", "", 1},
	} {
		stdout, stderr, status := run(root, strings.Fields(c.args)...)
		if stdout != c.stdout || stderr != "" || status != c.status {
			t.Errorf("%q: %q, %q, %d", c.args, stdout, stderr, status)
		}
	}
}

func TestUsage(t *testing.T) {
	stdout, _, status := run(t.TempDir(), "--list")
	if status != 0 || !strings.Contains(stdout, "\nsystemd-nspawn\n") || len(strings.Fields(stdout)) != len(known) {
		t.Errorf("%q, %d", stdout, status)
	}
	if _, stderr, status := run(t.TempDir(), "x"); stderr != "systemd-detect-virt takes no arguments.\n" || status != 1 {
		t.Errorf("%q, %d", stderr, status)
	}
}
