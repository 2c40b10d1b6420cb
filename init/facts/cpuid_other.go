//go:build !amd64

package facts

// hypervisorName: only x86 asks the processor.
func hypervisorName() string { return "" }
