// Package docker tests keelson in real containers with Docker's default privileges: as an image's entrypoint, as docker-init, and what keelson run
// makes of what a container permits.
package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
	"keelson/test/container"
)

// image has keelson as its entrypoint, on top of the base that test/base-image makes.
const image = "keelson-test:wrapper"

func TestMain(m *testing.M) { container.Main(m) }

func need(t *testing.T) {
	t.Helper()
	container.Build(t, "wrapper", "Dockerfile")
}

func result(out, err string, status int) container.Result {
	return container.Result{Out: out, Err: err, Status: status}
}

// start starts a container with no network.
func start(t *testing.T, args ...string) *container.Container {
	t.Helper()
	return container.Start(t, append([]string{"--network", "none"}, args...)...)
}

func TestEntrypoint(t *testing.T) {
	need(t)
	for _, tt := range []struct {
		name    string
		options string
		args    []string
		want    container.Result
	}{
		{"status", "", []string{"sh", "-c", "exit 42"}, result("", "", 42)},
		{"PID 1", "", []string{"sh", "-c", "cat /proc/1/comm; echo $$"}, result("keelson\n7\n", "", 0)},
		{"signal", "", []string{"sh", "-c", "kill -KILL $$"}, result("", "", 137)},
		{"not found", "", []string{"no-such"}, result("", "keelson: cannot execute no-such: No such file or directory: no such program in $PATH; keelson --help lists keelson's own commands\n", 127)},
		{"not executable", "", []string{"/etc/passwd"}, result("", "keelson: cannot execute /etc/passwd: Permission denied\n", 126)},
		{"directory", "", []string{"/etc"}, result("", "keelson: cannot execute /etc: Permission denied: it is a directory\n", 126)},
		{"bad option", "", []string{"-z"}, result("", "keelson: unknown option -z; keelson --help lists the options\n", 125)},
		{"any uid, read-only", "-u 12345 --read-only", []string{"sh", "-c", "id -u"}, result("12345\n", "", 0)},
		{"no privileges at all", "--cap-drop ALL --security-opt no-new-privileges", []string{"sh", "-c", "echo ok"}, result("ok\n", "", 0)},
		{"stdin", "-i", []string{"cat"}, result("", "", 0)},
		{"under docker's own init", "--init", []string{"sh", "-c", "(sleep 0 &); echo ok"}, result("ok\n", "", 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := container.Run(t, append(append(strings.Fields(tt.options), image), tt.args...)...)
			if tt.name == "PID 1" { // the command's number depends on the engine's own processes before it
				got.Out = regexp.MustCompile(`(?m)^\d+$`).ReplaceAllString(got.Out, "7")
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestTerminal runs docker run -t under script(1), which gives it one.
func TestTerminal(t *testing.T) {
	need(t)
	script := binary.Need(t, "script")
	out, err := exec.Command(script, "-qec", "docker run --rm -it --network none "+image+
		` bash --norc -c 'tty; [ "$(ps -o tpgid= -p $$ | tr -d " ")" = $$ ] && echo foreground; bash --norc -ic "sleep 0 & wait; echo jobs"'`, "/dev/null").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "/dev/pts/0") || !strings.Contains(string(out), "foreground") || !strings.Contains(string(out), "jobs") ||
		strings.Contains(string(out), "no job control") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestStop: docker stop sends TERM and waits ten seconds; with a PID 1 that passes it on it is a matter of milliseconds.
func TestStop(t *testing.T) {
	need(t)
	for _, options := range []string{"", "-t"} {
		c := start(t, append(strings.Fields(options), image, "sh", "-c", "echo ready; exec sleep 1000")...)
		c.Says("ready", 1)
		if status, took := c.Stop(); status != 143 || took > 5*time.Second {
			t.Errorf("%q: status %d after %v, want 143 at once", options, status, took)
		} else {
			t.Logf("docker stop %s: %v", options, took)
		}
	}
}

func TestGrace(t *testing.T) {
	need(t)
	c := start(t, image, "--grace", "1", "sh", "-c", `sleep 2000 & trap '' TERM; sleep 1000 & echo ready; wait`)
	c.Says("ready", 1)
	if status, _ := c.Stop(); status != 137 {
		t.Errorf("status %d, want 137", status)
	}
	logs := c.Logs()
	if strings.Count(logs, "keelson: killed process ") != 2 || !strings.Contains(logs, "(sh), which did not end in time") ||
		!strings.Contains(logs, "(sleep), which did not end in time") {
		t.Errorf("the two that ignore TERM are to be named, and they alone:\n%s", logs)
	}
}

func TestKill(t *testing.T) {
	need(t)
	c := start(t, image, "bash", "-c", `for s in HUP INT QUIT USR1 USR2 TERM WINCH URG CONT RTMIN RTMAX; do trap "echo got $s" $s; done; echo ready; while :; do sleep 1000 & wait; done`)
	c.Says("ready", 1)
	for _, sig := range []string{"HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "URG", "RTMIN", "RTMAX", "TERM"} {
		container.Docker(t, "kill", "-s", sig, c.ID)
		c.Says("got "+sig+"\n", 1)
	}
	container.Docker(t, "kill", "-s", "KILL", c.ID)
	if status := container.Docker(t, "wait", c.ID); status != "137" {
		t.Errorf("status %s, want 137", status)
	}
}

// TestDockerInit uses the binary as the engine uses its own init: mounted at /sbin/docker-init, with -- before the command.
func TestDockerInit(t *testing.T) {
	need(t)
	keelson := binary.Path(t, "")
	mount := []string{"-v", keelson + ":/sbin/docker-init:ro", "--entrypoint", "/sbin/docker-init", "keelson-test:bookworm"}
	if got := container.Run(t, append(mount, "--version")...); got.Status != 0 || !regexp.MustCompile(`^tini version \d+\.\d+\.\d+\n$`).MatchString(got.Out) {
		t.Errorf("--version: %+v", got)
	}
	if got := container.Run(t, append(mount, "--", "sh", "-c", "cat /proc/1/comm; exit 5")...); got != result("docker-init\n", "", 5) {
		t.Errorf("got %+v", got)
	}
	for _, name := range []string{"tini", "dumb-init", "catatonit"} {
		args := []string{"-v", keelson + ":/bin/" + name + ":ro", "--entrypoint", "/bin/" + name, "keelson-test:bookworm", "--", "sh", "-c", "exit 6"}
		if got := container.Run(t, args...); got != result("", "", 6) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestNamespaces is what keelson run makes of what a container permits.
func TestNamespaces(t *testing.T) {
	need(t)
	const (
		admin   = "CAP_SYS_ADMIN is missing: docker run --cap-add SYS_ADMIN grants it"
		seccomp = "a seccomp filter denies it: docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined grants it"
		paths   = "parts of the container's /proc are masked: docker run --security-opt systempaths=unconfined (podman: --security-opt unmask=ALL) grants it"
	)
	for _, tt := range []struct {
		options, run, denied string
	}{
		{"", "", admin},
		{"-u 12345", "", seccomp},
		{"--cap-add SYS_ADMIN", "", ""},
		{"--cap-add SYS_ADMIN", "--net", "CAP_NET_ADMIN is missing: docker run --cap-add NET_ADMIN grants it"},
		{"--cap-add SYS_ADMIN --cap-add NET_ADMIN", "--uts --ipc --net --cgroup", ""},
		{"--cap-add SYS_ADMIN", "--user", paths},
		{"--security-opt seccomp=unconfined", "", paths},
		{"--security-opt seccomp=unconfined -u 12345", "", paths},
		{"--security-opt seccomp=unconfined --security-opt systempaths=unconfined", "", ""},
		{"--security-opt seccomp=unconfined --security-opt systempaths=unconfined", "--all", ""},
		{"--security-opt seccomp=unconfined --security-opt systempaths=unconfined -u 12345", "--all", ""},
	} {
		t.Run(strings.TrimSpace(tt.options+" run "+tt.run), func(t *testing.T) {
			args := append(append(strings.Fields(tt.options), image, "run"), strings.Fields(tt.run)...)
			got := container.Run(t, append(args, "--", "sh", "-c", "cat /proc/1/comm; echo $$; (sh -c 'exit 0' &); exit 3")...)
			line := ""
			if tt.denied != "" {
				line = "keelson: run: no new namespaces, running without: "
			}
			if got.Status != 3 || !strings.HasPrefix(got.Err, line) || !strings.HasSuffix(strings.TrimSpace(got.Err), tt.denied) || strings.Count(got.Err, "\n") != min(1, len(line)) {
				t.Errorf("got %+v, want %q", got, tt.denied)
			}
			// In a fresh namespace the command is process 2; in the container's it comes behind keelson's own threads.
			if fresh := got.Out == "keelson\n2\n"; fresh != (tt.denied == "") {
				t.Errorf("PID 1 and the command are %q", got.Out)
			}
			strict := container.Run(t, append(args, "--strict", "--", "sh", "-c", "exit 3")...)
			if want := map[bool]int{true: 3, false: 125}[tt.denied == ""]; strict.Status != want {
				t.Errorf("with --strict: got %+v, want status %d", strict, want)
			}
		})
	}
}

// TestForkBomb: the container's processes are limited, the bomb goes off inside the limit, and PID 1 lives on.
func TestForkBomb(t *testing.T) {
	need(t)
	c := start(t, "--pids-limit", "64", image, "sh", "-c", `echo ready; trap 'echo alive; exit 9' TERM; bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do sleep 1000 2>/dev/null & wait; done`)
	c.Says("ready", 1)
	// For as long as nothing can be forked there is nobody inside to say that PID 1 lives; the engine knows.
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if running := c.Inspect("{{.State.Running}}"); running != "true" {
			t.Fatalf("PID 1 has ended: %s", c.Logs())
		}
	}
	if status, _ := c.Stop("-t", "5"); status != 9 && status != 143 {
		t.Errorf("status %d", status)
	}
}

// TestOrphansInContainer: ten thousand orphans at full speed, and no zombie at the end.
func TestOrphansInContainer(t *testing.T) {
	need(t)
	got := container.Run(t, image, "sh", "-c", `i=0; while [ $i -lt 10000 ]; do (sh -c : &) ; i=$((i+1)); done; for try in 1 2 3 4 5 6 7 8 9; do sleep 0.2; n=$(ps -e -o stat= | grep -c Z); [ $n = 0 ] && break; done; echo zombies $n`)
	if got.Out != "zombies 0\n" {
		t.Errorf("%+v", got)
	}
}

// TestScratch packs the binary as the Dockerfile does and copies it into another image in one line.
func TestScratch(t *testing.T) {
	need(t)
	container.Scratch(t, "keelson-test:scratch")
	t.Cleanup(func() { exec.Command("docker", "rmi", "keelson-test:scratch", "keelson-test:copied").Run() })
	if got := container.Run(t, "keelson-test:scratch", "--version"); !strings.HasPrefix(got.Out, "keelson ") || got.Status != 0 {
		t.Errorf("in the scratch image: %+v", got)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "Dockerfile"), []byte("FROM keelson-test:bookworm\nCOPY --from=keelson-test:scratch /keelson /sbin/keelson\nENTRYPOINT [\"/sbin/keelson\", \"--\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	container.Docker(t, "build", "--network", "host", "-q", "-t", "keelson-test:copied", other)
	if got := container.Run(t, "keelson-test:copied", "sh", "-c", "echo in; exit 4"); got != result("in\n", "", 4) {
		t.Errorf("copied: %+v", got)
	}
	t.Logf("image size: %s bytes", container.Docker(t, "image", "inspect", "-f", "{{.Size}}", "keelson-test:scratch"))
}
