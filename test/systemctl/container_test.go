package systemctl

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
	containers "keelson/test/container"
)

// The image, and the volume with what it has below /suite. Those with all suites have names of their own (KEELSON_SUITES=all).
var (
	all    = os.Getenv("KEELSON_SUITES") == "all"
	suffix = map[bool]string{true: "-all"}[all]
	image  = "keelson-test:systemctl" + suffix
	volume = "keelson-test-suite" + suffix
)

// waitMax is how long a manager may take to boot, and a script to run: far more than either can take.
const waitMax = containers.WaitMax

func TestMain(m *testing.M) {
	if os.Getenv(asClient) != "" {
		if err := carryOut(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	status := m.Run()
	for _, c := range booted {
		exec.Command("docker", "rm", "-f", "-v", c.id).Run()
	}
	binary.Clean()
	os.Exit(status)
}

// A container is one that a manager has booted.
type container struct {
	id string
}

// booted are the containers that all tests share: what a test changes it changes back.
var booted []container

// managers boots real systemd, with all that it takes, and keelson, with Docker's default privileges, from the same image.
func managers(t *testing.T) (real, ours container) {
	t.Helper()
	containers.Engine(t)
	if out, err := exec.Command("./image").CombinedOutput(); err != nil {
		containers.Missing(t, "cannot make the image", out)
	}
	if len(booted) == 0 {
		keelson := binary.Path(t, "")
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		client := self + ":/opt/client:ro"
		start(t, append(append([]string{"-t", "-v", client, "--cgroupns=host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup", "--tmpfs", "/run", "--tmpfs", "/tmp:exec",
			"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined"}, capabilities(t)...),
			image, "/sbin/init")...)
		start(t, "-v", client, "-v", keelson+":/sbin/keelson:ro", image, "/sbin/keelson", "boot")
	}
	for _, c := range booted {
		c.awaitBoot(t)
	}
	return booted[0], booted[1]
}

// capabilities are all that this machine has to give; systemd runs with fewer, and then fails where Debian's own units do.
func capabilities(t *testing.T) (options []string) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^CapBnd:\s*([0-9a-f]+)$`).FindSubmatch(status)
	if m == nil {
		t.Fatal("no bounding set in /proc/self/status")
	}
	set, err := strconv.ParseUint(string(m[1]), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for n, name := range names {
		if set&(1<<n) != 0 {
			options = append(options, "--cap-add", name)
		}
	}
	return options
}

// names are capabilities by number (capability.h), as far as every Docker engine knows them.
var names = [...]string{"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
	"SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL",
	"SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"}

func start(t *testing.T, args ...string) {
	t.Helper()
	run := []string{"run", "-d", "--network", "none", "--hostname", "zoo", "-v", volume + ":/suite"}
	booted = append(booted, container{containers.Docker(t, append(run, args...)...)})
}

// awaitBoot waits for the boot to be over. Before the manager's socket is there, nobody can be asked.
func (c container) awaitBoot(t *testing.T) {
	t.Helper()
	var out string
	for end := time.Now().Add(waitMax); time.Now().Before(end); {
		out, _ = c.run(t, "systemctl is-system-running --wait")
		if state := strings.TrimSpace(out); state == "running" || state == "degraded" {
			return
		}
	}
	logs, _ := exec.Command("docker", "logs", "--tail", "30", c.id).CombinedOutput()
	t.Fatalf("the boot is not over after %v: %s\n%s", waitMax, out, logs)
}

// run runs a script of the shell's inside.
func (c container) run(t *testing.T, script string) (stdout string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "exec", "-i", c.id, "bash", "-s")
	var out, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &out, &e
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, e.Bytes())
	}
	return out.String(), err
}
