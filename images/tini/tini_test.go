// Package tini tries the image of this folder, in the place of the real one.
package tini

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

const existing = "keelson-test-existing"

// server is the process that tini waits for, as this machine numbers it.
func server(c *imagetest.Container) int {
	init := c.Inspect("{{.State.Pid}}")
	children, err := os.ReadFile("/proc/" + init + "/task/" + init + "/children")
	pid, wrong := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil || wrong != nil {
		c.T.Fatalf("the children of %s are %q, %v", init, children, err)
	}
	return pid
}

func TestImage(t *testing.T) {
	base := imagetest.Base(t)
	container.Docker(t, "build", "--network", "host", "--build-arg", "BASE="+base, "-t", existing, "testdata/existing")
	image := imagetest.Build(t, []string{"tini"}, "BASE="+existing)
	imagetest.AddsTheBinary(t, image, true)
	version := func(image, name string) string {
		return container.Docker(t, "run", "--rm", "--entrypoint", name, image, "--version")
	}
	real := version(existing, "tini")
	for _, name := range []string{"tini", "/usr/bin/tini-static", "docker-init"} {
		if got := version(image, name); got != real {
			t.Errorf("%s: the version is %q, the real one's %q", name, got, real)
		}
	}
	c := imagetest.Trial{
		Image:   image,
		Options: []string{"-p", "127.0.0.1::8080", "--restart", "on-failure"},
		Serves: func(c *imagetest.Container) error {
			body, err := imagetest.Get("http://" + c.At(8080) + "/")
			if err == nil && !strings.HasPrefix(body, "served by ") {
				err = fmt.Errorf("the page is %q", body)
			}
			if exe := c.Sh("readlink /usr/bin/tini; tr '\\0' ' ' </proc/1/cmdline"); exe != "/usr/local/bin/keelson\n/usr/bin/tini -- /server" {
				err = fmt.Errorf("the first process is %q", exe)
			}
			return err
		},
		Kill:  func(c *imagetest.Container) { c.KillContainer(server(c)) },
		Break: "kill -STOP $(cat /proc/1/task/1/children)",
		Mend:  "kill -CONT $(cat /proc/1/task/1/children)",
	}.Run(t)
	if user := c.Inspect("{{.Config.User}} {{.Config.Cmd}} {{.Config.Entrypoint}}"); user != "www-data [/server] [/usr/bin/tini --]" {
		t.Errorf("the image's own settings are %s", user)
	}
}
