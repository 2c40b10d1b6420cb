// Package binary builds keelson for tests, as make build does.
package binary

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// LinkFlags are the Makefile's.
const LinkFlags = "-s -w -E keelson_entry"

var (
	mu    sync.Mutex
	built = map[string]string{}
)

// Path is the binary for an architecture of Go's, "" for this machine's. It is built once in a test process; Clean removes it.
func Path(t testing.TB, arch string) string {
	t.Helper()
	if arch == "" {
		arch = runtime.GOARCH
	}
	mu.Lock()
	defer mu.Unlock()
	if path, ok := built[arch]; ok {
		return path
	}
	dir, err := os.MkdirTemp("", "keelson-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // other uids execute it too
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keelson")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+LinkFlags, "-o", path, "keelson/init")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build keelson for %s: %v\n%s", arch, err, out)
	}
	built[arch] = path
	return path
}

// Clean removes what Path has built. A package's TestMain calls it last.
func Clean() {
	mu.Lock()
	defer mu.Unlock()
	for arch, path := range built {
		os.RemoveAll(filepath.Dir(path))
		delete(built, arch)
	}
}

// Need is for a test that takes a program: without it the test is skipped, or in CI fails.
func Need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI must have it: test/setup installs it", program)
	}
	t.Skipf("%s is not installed (test/setup installs it)", program)
	return ""
}
