// Package web tries the image of this folder.
package web

import (
	"fmt"
	"regexp"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

// has asks for the page and looks for a row that a source has added.
func has(c *imagetest.Container, source string) error {
	body, err := imagetest.Get("http://" + c.At(80) + "/")
	if err == nil && !regexp.MustCompile(`(?m)^`+source+` [1-9]\d* 20\d\d-`).MatchString(body) {
		err = fmt.Errorf("the page has nothing of %s: %q", source, body)
	}
	return err
}

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"web"})
	imagetest.AddsTheBinary(t, image, false)
	imagetest.Trial{
		Image:   image,
		Options: []string{"-p", "127.0.0.1::80"},
		Serves:  func(c *imagetest.Container) error { return has(c, "timer") },
		Kill: func(c *imagetest.Container) {
			php := c.Sh("basename /lib/systemd/system/php*-fpm.service")
			for _, unit := range []string{"nginx.service", php, "mariadb.service", "cron.service"} {
				c.KillUnit(unit)
			}
			// What cron has started after it was killed is there within a minute.
			imagetest.Until(t, "cron does nothing", func() error { return has(c, "cron") })
		},
		Break: "systemctl stop mariadb",
		Mend:  "systemctl start mariadb",
	}.Run(t)
}
