package escape

import (
	"bytes"
	"strings"
	"testing"

	"keelson/init/applet"
)

// run is a run with the words of a line; ␣ stands for a blank and ” for an empty word.
func run(line string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	args := strings.Fields(line)
	for i := range args {
		args[i] = strings.NewReplacer("␣", " ", "''", "").Replace(args[i])
	}
	h := &applet.Host{Stdout: &out, Stderr: &err}
	status = Main(append([]string{"systemd-escape"}, args...), h)
	return out.String(), err.String(), status
}

func TestEscape(t *testing.T) {
	for _, c := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"Hallöchen,␣Meister", `Hall\xc3\xb6chen\x2c\x20Meister` + "\n", "", 0},
		{"a/b .hidden -", "a-b \\x2ehidden \\x2d\n", "", 0},
		{"-p /tmp//waldi/foobar/", "tmp-waldi-foobar\n", "", 0},
		{"-p /", "-\n", "", 0},
		{"-p tmp", "tmp\n", "Input 'tmp' is not an absolute file system path, escaping is likely not going to be reversible.\n", 0},
		{"-p /a/../b", "", "Input '/a/../b' is not a normalized file system path, failed to escape.\n", 1},
		{"--suffix=mount -p /tmp/x", "tmp-x.mount\n", "", 0},
		{"--suffix=nonsense x", "", "Invalid unit suffix type \"nonsense\".\n", 1},
		{"--template=systemd-nspawn@.service My␣Container", "systemd-nspawn@My\\x20Container.service\n", "", 0},
		{"--template=a.service x", "", "Template name a.service is not valid.\n", 1},
		{"-u tmp-waldi a\\x2db", "tmp/waldi a-b\n", "", 0},
		{"-u -p tmp-waldi", "/tmp/waldi\n", "", 0},
		{"-u \\xzz", "", "Failed to unescape string: Invalid argument\n", 1},
		{"-u --template=a@.service a@x-y.service", "x/y\n", "", 0},
		{"-u --template=a@.service b@x.service", "", "Unit b@x.service template b@.service does not match specified template a@.service.\n", 1},
		{"-u --instance a@x-y.service", "x/y\n", "", 0},
		{"-u --instance a.service", "", "Unit a.service is missing the instance name.\n", 1},
		{"-m ssh /dev/sda1", "ssh.service dev-sda1.device\n", "", 0},
		{"", "", "Not enough arguments.\n", 1},
		{"-m -p x", "", "--path may not be combined with --mangle.\n", 1},
		{"--instance x", "", "--instance must be used in conjunction with --unescape.\n", 1},
		{"--suffix=a --template=b@.service x", "", "Invalid unit suffix type \"a\".\n", 1},
		{"--suffix=slice --template=b@.service x", "", "--suffix= and --template= may not be combined.\n", 1},
		{"--nonsense", "", "systemd-escape: unrecognized option '--nonsense'\n", 1},
	} {
		stdout, stderr, status := run(c.line)
		if stdout != c.stdout || stderr != c.stderr || status != c.status {
			t.Errorf("%s: %q, %q, %d; want %q, %q, %d", c.line, stdout, stderr, status, c.stdout, c.stderr, c.status)
		}
	}
}
