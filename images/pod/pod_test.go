// Package pod tries the image of this folder.
package pod

import (
	"fmt"
	"strconv"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

// joined runs a shell command in another container of the pod.
func joined(c *imagetest.Container, image, command string) string {
	return container.Docker(c.T, "run", "--rm", "--pid", "container:"+c.ID, "--network", "container:"+c.ID, "--ipc", "container:"+c.ID,
		"--entrypoint", "sh", image, "-c", command)
}

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"pod", "base"})
	other := imagetest.Build(t, []string{"base"})
	imagetest.AddsTheBinary(t, image, true)
	imagetest.Trial{
		Image:   image,
		Options: []string{"--ipc", "shareable", "--restart", "on-failure"},
		// Its service: the namespaces are there to join, and an orphan that ends in them is reaped. A zombie would keep its number.
		Serves: func(c *imagetest.Container) error {
			got := joined(c, other, `cat /proc/1/comm; orphan=$(setsid sh -c 'setsid sleep 0.2 >/dev/null & echo $!')
				read -r _ _ _ parent _ </proc/$orphan/stat; echo $parent
				for i in $(seq 500); do [ -e /proc/$orphan ] || exec echo reaped; sleep 0.02; done; cat /proc/$orphan/status`)
			if got != "keelson\n1\nreaped" {
				return fmt.Errorf("inside: %q", got)
			}
			return nil
		},
		Kill: func(c *imagetest.Container) {
			pid, err := strconv.Atoi(c.Inspect("{{.State.Pid}}"))
			if err != nil {
				t.Fatal(err)
			}
			c.KillContainer(pid)
		},
	}.Run(t)
}
