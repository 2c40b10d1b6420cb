// Package httpd tries the image of this folder.
package httpd

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

func page(c *imagetest.Container) error {
	body, err := imagetest.Get("http://" + c.At(80) + "/")
	if err == nil && !strings.Contains(body, "Apache2") {
		err = fmt.Errorf("the page is %q", body)
	}
	return err
}

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"httpd"})
	imagetest.AddsTheBinary(t, image, false)
	imagetest.Trial{
		Image:   image,
		Options: []string{"-p", "127.0.0.1::80"},
		Serves:  page,
		Kill:    func(c *imagetest.Container) { c.KillUnit("apache2.service") },
		Break:   "systemctl stop apache2",
		Mend:    "systemctl start apache2",
	}.Run(t)
}

// TestShell: in a container whose first program is a shell at a terminal, systemctl starts what is to be started.
func TestShell(t *testing.T) {
	image := imagetest.Build(t, []string{"httpd"})
	cmd := exec.Command("docker", "run", "--rm", "-it", image, "bash")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	fmt.Fprint(terminal, "systemctl stop apache2; systemctl is-active apache2\n"+
		"systemctl start apache2; echo started: $?; systemctl is-active apache2\n"+
		"exec 3<>/dev/tcp/127.0.0.1/80; printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3; exit 7\n")
	out, err := io.ReadAll(terminal)
	if err != nil && !strings.Contains(err.Error(), "input/output error") { // what a terminal says at the end
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("docker run: %v", err)
	}
	text := strings.ReplaceAll(string(out), "\r", "")
	for _, line := range []string{"\ninactive\n", "\nstarted: 0\n", "\nactive\n", "\nHTTP/1.1 200 OK\n"} {
		before, after, ok := strings.Cut(text, line)
		if !ok {
			t.Fatalf("no %q in\n%s", line, before)
		}
		text = "\n" + after
	}
}
