// Package suites runs the test suites that tini and dumb-init bring, with keelson under their names. The sources are Debian's, fetched when the tests
// run, by an apt of their own in .cache: the machine's configuration is left alone.
package suites

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
)

func TestMain(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

// source is the upstream source of a Debian package, unpacked into a folder of the test's.
func source(t *testing.T, name string) string {
	t.Helper()
	binary.Need(t, "apt-get")
	cache, err := filepath.Abs("../../.cache/source")
	if err != nil {
		t.Fatal(err)
	}
	archives := func() []string {
		found, _ := filepath.Glob(filepath.Join(cache, name+"_*.orig.tar.*"))
		return found
	}
	if len(archives()) == 0 {
		fetch(t, cache, name)
	}
	if len(archives()) != 1 {
		t.Fatalf("apt-get source %s brought %v, not one archive", name, archives())
	}
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xf", archives()[0], "-C", dir, "--strip-components=1").CombinedOutput(); err != nil {
		t.Fatalf("cannot unpack %s: %s", archives()[0], out)
	}
	return dir
}

func fetch(t *testing.T, cache, name string) {
	t.Helper()
	for _, dir := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(cache, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sources, config := filepath.Join(cache, "sources.list"), filepath.Join(cache, "apt.conf")
	for file, text := range map[string]string{
		sources: "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main\n",
		config: fmt.Sprintf("Dir::Etc::sourcelist %q;\nDir::Etc::sourceparts \"-\";\nDir::State::lists %q;\nDir::Cache %q;\nAPT::Sandbox::User \"root\";\n",
			sources, filepath.Join(cache, "lists"), cache),
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"update", "-qq"}, {"source", "-qq", "--tar-only", name}} {
		cmd := exec.Command("apt-get", args...)
		cmd.Dir = cache
		cmd.Env = append(os.Environ(), "APT_CONFIG="+config)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// named is a folder in which keelson has that name.
func named(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(binary.Path(t, ""), filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// python runs a suite with Debian's Python, under keelson: the suites look for processes that are gone, and not every machine's own PID 1
// reaps what is left to it in the time that they allow.
func python(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	binary.Need(t, "/usr/bin/python3")
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary.Path(t, ""), append([]string{"--grace", "0", "--", "/usr/bin/python3"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// need is for a module of Debian's Python.
func need(t *testing.T, module string) {
	t.Helper()
	if exec.Command("/usr/bin/python3", "-c", "import "+module).Run() == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("python3-%s is missing, and CI must have it: test/setup installs it", module)
	}
	t.Skipf("python3-%s is not installed (test/setup installs it)", module)
}

// bitmap stands in for a module of that name, of which the suite wants no more than this.
const bitmap = `class BitMap:
    """The bits that are 1 in a text of binary digits, counted from its end."""

    def __init__(self, bits):
        self.bits = bits

    @classmethod
    def fromstring(cls, digits):
        return cls([i for i, d in enumerate(reversed(digits)) if d == "1"])

    def nonzero(self):
        return self.bits
`

// TestTini is tini's test/run_inner_tests.py: exit codes, reaping, signals, process groups, inherited signals, the parent death signal.
func TestTini(t *testing.T) {
	need(t, "psutil")
	need(t, "prctl")
	src, bin := source(t, "tini"), named(t, "tini")
	if out, err := exec.Command(binary.Need(t, "gcc"), "-o", filepath.Join(bin, "sigconf-test"), filepath.Join(src, "test/sigconf/sigconf-test.c")).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %s", out)
	}
	if err := os.WriteFile(filepath.Join(bin, "bitmap.py"), []byte(bitmap), 0o644); err != nil {
		t.Fatal(err)
	}
	// Its programs ask env for a Python; this is the one with the modules.
	for _, name := range []string{"python", "python3"} {
		if err := os.Symlink("/usr/bin/python3", filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := python(t, src, []string{"SOURCE_DIR=" + src, "BUILD_DIR=" + bin, "FORCE_SUBREAPER=1", "PYTHONPATH=" + bin, "PATH=" + bin + ":" + os.Getenv("PATH")},
		"test/run_inner_tests.py")
	if err != nil || !strings.Contains(out, "All done, tests as expected") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDumbInit is dumb-init's suite, all but the wording of its help.
func TestDumbInit(t *testing.T) {
	need(t, "pytest")
	src, bin := source(t, "dumb-init"), named(t, "dumb-init")
	out, err := python(t, src, []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--deselect", "tests/cli_test.py::test_help_message", "tests")
	if err != nil || !strings.Contains(out, " passed") || strings.Contains(out, "failed") {
		t.Errorf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	t.Log(lines[len(lines)-1])
}
