package persona

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/test/binary"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// root is the project's directory, from which the tests of this package see it.
const root = "../.."

func TestMain(m *testing.M) {
	if l, ok := os.LookupEnv(launchVariable); ok {
		launch(l)
	}
	if role, ok := os.LookupEnv(roleVariable); ok {
		play(role)
	}
	status, err := prove(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "persona:", err)
		status = 1
	}
	os.Exit(status)
}

// self is the test binary, which plays the roles: a copy that everybody may execute.
var self string

func prove(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "persona")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // for an arbitrary uid
		return 0, err
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	self = filepath.Join(dir, "actor")
	if err := os.WriteFile(self, program, 0o755); err != nil {
		return 0, err
	}
	if err := buildAll(dir); err != nil {
		return 0, err
	}
	// File descriptors that this process happens to have inherited are nothing for the programs that it starts.
	if err := unix.CloseRange(3, 1<<32-1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, err
	}
	// What a wrapper leaves behind comes here and not to the machine's init, and no core files are written.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return 0, err
	}
	status = m.Run()
	endFamily(os.Getpid())
	return status, nil
}

// A machine is what runs keelson.
type machine struct {
	name     string // as GOARCH
	dir      string // of the personas' names, links to the binary
	emulator string // qemu-user, "" where the processor itself runs it
}

var native, arm64 machine

// machines are the native one and, where the processor is another, arm64 under qemu-user.
func machines() []machine {
	if native.name == arm64.name {
		return []machine{native}
	}
	return []machine{native, arm64}
}

// argv is how to call keelson by the name argv0, the last component of which is a persona: a file to execute and its arguments.
func (m machine) argv(argv0 string, args ...string) (file string, argv []string) {
	file = filepath.Join(m.dir, filepath.Base(argv0))
	if m.emulator == "" {
		return file, append([]string{argv0}, args...)
	}
	return m.emulator, append([]string{m.emulator, "-0", argv0, file}, args...)
}

func (m machine) emulated() bool { return m.emulator != "" }

const qemu = "/usr/bin/qemu-aarch64-static"

var personas = []string{"keelson", "tini", "docker-init", "dumb-init", "catatonit"}

// buildAll has both binaries made, or takes those that $KEELSON and $KEELSON_ARM64 name.
func buildAll(dir string) error {
	for _, b := range []struct {
		machine  *machine
		arch     string
		variable string
	}{{&native, runtime.GOARCH, "KEELSON"}, {&arm64, "arm64", "KEELSON_ARM64"}} {
		*b.machine = machine{name: b.arch, dir: filepath.Join(dir, b.arch)}
		if b.arch != runtime.GOARCH {
			b.machine.emulator = qemu
		}
		if _, err := os.Stat(b.machine.dir); err == nil {
			continue // both are the same
		}
		if err := os.Mkdir(b.machine.dir, 0o755); err != nil {
			return err
		}
		file := os.Getenv(b.variable)
		if file == "" {
			file = filepath.Join(b.machine.dir, "binary")
			if err := build(b.arch, file); err != nil {
				return err
			}
		}
		file, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		for _, name := range personas {
			if err := os.Symlink(file, filepath.Join(b.machine.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// build makes the binary as make build does.
func build(arch, to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+binary.LinkFlags, "-o", to, "./init")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build for %s: %w\n%s", arch, err, bytes.TrimSpace(out))
	}
	return nil
}

// need ends a test that cannot be carried out here.
func need(t *testing.T, there bool, what string) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("CI") == "true":
		t.Fatal("missing: " + what)
	default:
		t.Skip("missing: " + what)
	}
}

// needFile ends a test if one of the files that packages of Debian install is not there.
func needFile(t *testing.T, files ...string) {
	t.Helper()
	for _, f := range files {
		_, err := os.Stat(f)
		need(t, err == nil, f+", which test/setup installs")
	}
}

// needMachine ends a test if there is nothing to run the machine's binary.
func needMachine(t *testing.T, m machine) {
	t.Helper()
	if m.emulated() {
		needFile(t, m.emulator)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	need(t, os.Getuid() == 0, "root, who may make namespaces")
}

// words splits a command line at spaces; single quotes keep a word together, and two of them are an empty one.
func words(line string) (words []string) {
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		end, rest := strings.IndexByte(line, ' '), 1
		if line[0] == '\'' {
			line = line[1:]
			end, rest = strings.IndexByte(line, '\''), 1
		}
		if end < 0 {
			return append(words, line)
		}
		words = append(words, line[:end])
		line = line[end+rest:]
	}
	return words
}
