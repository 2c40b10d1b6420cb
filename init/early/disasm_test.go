package early

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// allowedCalls are what compiled code of this package may reach outside it, and why that does no harm without a runtime.
var allowedCalls = map[string]string{
	"runtime.morestack_noctxt": "behind a comparison of SP with g's stack bound, which is 0",
	"runtime.gcWriteBarrier1":  "behind a test of runtime.writeBarrier, which is 0 until the collector runs",
	"runtime.gcWriteBarrier2":  "the same",
	"runtime.panicBounds":      "an index out of range: would be a bug, and the crash it is",
	"_rt0_amd64_linux":         "the entry declines",
	"_rt0_arm64_linux":         "the entry declines",
	"keelson/init/early.start": "",
	"keelson/init/early.child": "",
}

var branch = regexp.MustCompile(`\s(CALL|JMP|B|BL)\s+(\S+)`)

// TestDisassembly proves that nothing in this package needs the runtime: it reads the machine code of the whole binary, as make build links it.
func TestDisassembly(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "keelson")
			build := exec.Command("go", "build", "-trimpath", "-ldflags=-E keelson_entry", "-o", binary, "keelson/init")
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("go build: %v\n%s", err, out)
			}
			out, err := exec.Command("go", "tool", "objdump", "-s", `^(keelson/init/early\.|keelson_entry)`, binary).Output()
			if err != nil {
				t.Fatal(err)
			}
			functions, calls, entry := 0, 0, false
			for line := range strings.Lines(string(out)) {
				if name, ok := strings.CutPrefix(line, "TEXT "); ok {
					functions++
					entry = entry || strings.HasPrefix(name, "keelson_entry")
					continue
				}
				m := branch.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				target, symbol := strings.CutSuffix(m[2], "(SB)")
				target = strings.TrimSuffix(target, ".abi0")
				switch {
				case symbol && strings.HasPrefix(target, "keelson/init/early."):
					calls++
				case symbol:
					if _, ok := allowedCalls[target]; !ok {
						t.Errorf("reaches %s, which is not on the list: %s", target, line)
					}
				case m[1] == "CALL" || m[1] == "BL":
					t.Errorf("calls through a pointer: %s", line)
				}
			}
			// If nothing was found, nothing was proved.
			if functions < 80 || calls < 200 || !entry {
				t.Errorf("found %d functions and %d calls between them, entry %v: was this package linked at all?", functions, calls, entry)
			}
		})
	}
}
