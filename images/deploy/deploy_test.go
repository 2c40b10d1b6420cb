// Package deploy reads what is in this folder with the real readers, and runs it where that takes nothing but Docker.
package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/binary"
	"keelson/test/container"
)

var tools struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	defer func() { os.RemoveAll(tools.dir) }()
	container.Main(m)
}

// tool is one of check's module: check itself, and Podman's generator.
func tool(t *testing.T, name string) string {
	t.Helper()
	tools.Do(func() {
		if tools.dir, tools.err = os.MkdirTemp("", "keelson-deploy-"); tools.err != nil {
			return
		}
		build := exec.Command("go", "build", "-C", "check", "-o", tools.dir, ".", "github.com/containers/podman/v5/cmd/quadlet")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			tools.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if tools.err != nil {
		t.Fatalf("cannot build check and Podman's generator: %v", tools.err)
	}
	return filepath.Join(tools.dir, name)
}

// beats asks the page of the image web for rows that its timer has added.
func beats(address string) error {
	body, err := imagetest.Get("http://" + address + "/")
	if err == nil && !regexp.MustCompile(`(?m)^timer [1-9]`).MatchString(body) {
		err = fmt.Errorf("the page is %q", body)
	}
	return err
}

// TestManifests: Kubernetes' types know every field, and one that they do not know is found.
func TestManifests(t *testing.T) {
	check := tool(t, "check")
	for _, name := range []string{"sshd.yaml", "web.yaml"} {
		if out, err := exec.Command(check, filepath.Join("kubernetes", name)).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	text, err := os.ReadFile("kubernetes/sshd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ from, to, says string }{
		{"readOnlyRootFilesystem", "readOnlyRootFileSystem", `unknown field "spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem"`},
		{"replicas: 1", "replicas: one", "cannot unmarshal string"},
		{"kind: Service", "kind: Sevrice", `the unknown kind "v1 Sevrice"`},
	} {
		name := filepath.Join(t.TempDir(), "wrong.yaml")
		if err := os.WriteFile(name, []byte(strings.Replace(string(text), tt.from, tt.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(check, name).CombinedOutput(); err == nil || !strings.Contains(string(out), tt.says) {
			t.Errorf("%s: %v, %s", tt.to, err, out)
		}
	}
}

// TestPods runs the manifests' pods as Kubernetes would: the same users, file systems, capabilities, probes and end.
func TestPods(t *testing.T) {
	imagetest.Build(t, []string{"pod", "base", "sshd", "web"})
	k := imagetest.NewClient(t)
	for _, tt := range []struct {
		file, port string
		secrets    map[string]string
		serves     func(string) error
	}{
		{"sshd.yaml", "ssh", map[string]string{"ssh_authorized_keys": k.Public + "\n"}, func(address string) error { return k.LogsIn("user", address) }},
		{"web.yaml", "http", nil, beats},
	} {
		t.Run(tt.file, func(t *testing.T) {
			objects, err := exec.Command(tool(t, "check"), filepath.Join("kubernetes", tt.file)).Output()
			if err != nil {
				t.Fatal(err)
			}
			p := runPod(t, deploymentOf(t, objects), tt.secrets)
			p.starts()
			imagetest.Until(t, "it does not serve", func() error { return tt.serves(p.at(tt.port)) })
			p.ends()
		})
	}
}

// TestQuadlets: Podman's own generator makes units of them, and says what it does not know.
func TestQuadlets(t *testing.T) {
	generate := func(dir string) (string, error) {
		cmd := exec.Command(tool(t, "quadlet"), "-dryrun")
		cmd.Env = append(os.Environ(), "QUADLET_UNIT_DIRS="+dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	dir, err := filepath.Abs("quadlet")
	if err != nil {
		t.Fatal(err)
	}
	out, err := generate(dir)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"---keelson-sshd.service---", "---keelson-sshd-keys-volume.service---", "---keelson-web.service---", "---keelson-web-data-volume.service---",
		"Requires=keelson-sshd-keys-volume.service", "-v systemd-keelson-sshd-keys:/keys", "--secret ssh_authorized_keys", "--sdnotify=healthy", "--stop-timeout 10",
		"-v systemd-keelson-web-data:/var/lib/mysql",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	wrong := t.TempDir()
	if err := os.WriteFile(filepath.Join(wrong, "wrong.container"), []byte("[Container]\nImage=x\nStopTimout=10\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := generate(wrong); err == nil || !strings.Contains(out, "StopTimout") {
		t.Errorf("an unknown key: %v, %s", err, out)
	}
}

// composeClient is what there is of Compose, which may be a plug-in of Docker's client.
func composeClient(t *testing.T) []string {
	t.Helper()
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	return []string{binary.Need(t, "docker-compose")}
}

// TestCompose brings all of it up, and down again.
func TestCompose(t *testing.T) {
	imagetest.Build(t, []string{"sshd", "web"})
	k := imagetest.NewClient(t)
	program := composeClient(t)
	compose := func(args ...string) (string, error) {
		args = append(append(program[1:], "-f", "compose.yaml", "-p", "keelson-test-compose"), args...)
		cmd := exec.Command(program[0], args...)
		cmd.Env = append(os.Environ(), "KEELSON_IMAGES=keelson-test-", "SSH_AUTHORIZED_KEYS="+k.Public, "WEB_PORT=127.0.0.1:0", "SSH_PORT=127.0.0.1:0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%v: %w: %s", args, err, out)
		}
		return strings.TrimSpace(string(out)), err
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := compose("logs", "--no-color", "--tail", "20")
			t.Log(log)
		}
		compose("down", "-v", "-t", "10")
	})
	if _, err := compose("up", "-d"); err != nil {
		t.Fatal(err)
	}
	at := func(service, port string) string {
		address, err := compose("port", service, port)
		if err != nil {
			t.Fatal(err)
		}
		return address
	}
	imagetest.Until(t, "no page", func() error { return beats(at("web", "80")) })
	imagetest.Until(t, "no login", func() error { return k.LogsIn("user", at("sshd", "2222")) })
	ids, err := compose("ps", "-q")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compose("stop"); err != nil {
		t.Fatal(err)
	}
	for id := range strings.FieldsSeq(ids) {
		if status := container.Docker(t, "inspect", "-f", "{{.State.ExitCode}}", id); status != "0" {
			t.Error(errors.New("a container has ended with " + status))
		}
	}
}
