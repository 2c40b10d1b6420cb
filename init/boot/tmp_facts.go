package boot

import (
	"os"
	"strings"

	"keelson/supervise"
	"keelson/supervise/unit"
)

type tmpFacts struct{}

func (tmpFacts) Held(list []unit.Condition) []bool {
	h := make([]bool, len(list))
	for i := range h {
		h[i] = !list[i].Negate
	}
	return h
}
func (tmpFacts) ReadStamp(string, supervise.Usec) (supervise.Usec, error)    { return 0, nil }
func (tmpFacts) TouchStamp(string, supervise.Usec) error                    { return nil }
func (tmpFacts) RemoveDirectories(x *unit.ExecContext, mask uint8) error     { return nil }
func (tmpFacts) Virtualization() (string, bool)                             { return "docker", true }
func (tmpFacts) Host() unit.Host {
	h := unit.DefaultHost()
	h.Architecture = "x86-64"
	h.Hostname, _ = os.Hostname()
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	h.BootID = strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")
	h.MachineID = h.BootID
	return h
}
