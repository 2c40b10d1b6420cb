package facts

import (
	"encoding/binary"
	"strings"
)

// cpuid asks the processor.
func cpuid(leaf uint32) (ebx, ecx, edx uint32)

// hypervisorName is what a hypervisor calls itself. Without one the processor gives something else, so that one has to be known.
func hypervisorName() string {
	ebx, ecx, edx := cpuid(0x40000000)
	var name [12]byte
	for i, r := range []uint32{ebx, ecx, edx} {
		binary.LittleEndian.PutUint32(name[4*i:], r)
	}
	return strings.TrimRight(string(name[:]), "\x00")
}
