package docker

import (
	"strconv"
	"testing"
	"time"

	"keelson/test/container"
)

// TestRest: a manager that was executed anew comes to rest as one that has booted, with the memory that it waits on and no more.
func TestRest(t *testing.T) {
	need(t)
	c := manager(t)
	kib := func() int {
		n, err := strconv.Atoi(in(c, "awk '/^Pss:/ { print $2 }' /proc/1/smaps_rollup"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	rested := func(most int) (n int) { // nothing tells when
		for end := time.Now().Add(container.WaitMax); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if n = kib(); n <= most {
				return n
			}
		}
		t.Fatalf("%d KiB, more than %d, %v later", n, most, container.WaitMax)
		return 0
	}
	booted := rested(9 << 10)
	in(c, "systemctl daemon-reexec")
	again := rested(booted + 2<<10)
	t.Logf("%d KiB after the boot, %d KiB after daemon-reexec", booted, again)
}
