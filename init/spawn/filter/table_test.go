package filter

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write table.go anew")

// Calls of arm's own (arch/arm/include/uapi/asm/unistd.h of the kernel).
var armOwn = map[string]int32{"breakpoint": 0xf0001, "cacheflush": 0xf0002, "usr26": 0xf0003, "usr32": 0xf0004, "set_tls": 0xf0005, "get_tls": 0xf0006}

// x32 has amd64's numbers but for these, and lacks a few (arch/x86/entry/syscalls/syscall_64.tbl: "x32" and "64").
var (
	x32Own = strings.Fields(`rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending rt_sigtimedwait
		rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice move_pages preadv pwritev
		rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt io_setup io_submit execveat preadv2 pwritev2`)
	x32Lacks = strings.Fields(`uselib _sysctl create_module get_kernel_syms query_module nfsservctl set_thread_area get_thread_area epoll_ctl_old
		epoll_wait_old vserver`)
)

const x32First = 512

// TestTable makes table.go from the constants of golang.org/x/sys/unix, which come from the kernel's headers.
func TestTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Skipf("no go command to find golang.org/x/sys with: %v", err)
	}
	rows := map[string]*[abis]int32{}
	at := func(name string) *[abis]int32 {
		if rows[name] == nil {
			rows[name] = &[abis]int32{-1, -1, -1, -1, -1}
		}
		return rows[name]
	}
	constant := regexp.MustCompile(`(?m)^\tSYS_([A-Z0-9_]+)\s+= (\d+)$`)
	for a, goarch := range map[abi]string{amd64: "amd64", i386: "386", arm64: "arm64", arm: "arm"} {
		src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "unix", "zsysnum_linux_"+goarch+".go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllSubmatch(src, -1) {
			nr, err := strconv.ParseInt(string(m[2]), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.ToLower(string(m[1]))
			if a == arm64 && name == "arch_specific_syscall" { // where an architecture's own begin; arm64 has none
				continue
			}
			r := at(name)
			if r[a] = int32(nr); a == amd64 && !slices.Contains(x32Lacks, name) {
				r[x32] = int32(nr)
			}
		}
	}
	for i, name := range x32Own {
		at(name)[x32] = int32(x32First + i)
	}
	for name, nr := range armOwn {
		at(name)[arm] = nr
	}
	delete(rows, "syscall_mask")

	var b bytes.Buffer
	fmt.Fprintf(&b, "package filter\n\n// syscalls by name; made by `go test -run TestTable -update` from golang.org/x/sys/unix.\nvar syscalls = [...]syscall{\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		fmt.Fprintf(&b, "\t{%q, [abis]int32{%d, %d, %d, %d, %d}},\n", name, r[amd64], r[x32], r[i386], r[arm64], r[arm])
	}
	fmt.Fprintf(&b, "}\n")
	if *update {
		if err := os.WriteFile("table.go", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("table.go is not what golang.org/x/sys/unix says: go test -run TestTable -update")
	}
}
