package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelson/images/imagetest"
	"keelson/test/container"
)

// What is run of a Deployment, in the words of its JSON.
type (
	deployment struct {
		Kind string
		Spec struct {
			Template struct{ Spec podSpec }
		}
	}
	podSpec struct {
		ShareProcessNamespace         bool
		TerminationGracePeriodSeconds int
		SecurityContext               struct {
			RunAsNonRoot                   bool
			RunAsUser, RunAsGroup, FSGroup *int
		}
		Containers []containerSpec
		Volumes    []struct {
			Name                  string
			EmptyDir              *struct{}
			Secret                *struct{ SecretName string }
			PersistentVolumeClaim *struct{ ClaimName string }
		}
	}
	containerSpec struct {
		Name, Image   string
		Command, Args []string
		Env           []struct{ Name, Value string }
		Ports         []struct {
			Name          string
			ContainerPort int
		}
		StartupProbe, ReadinessProbe, LivenessProbe *probe
		Lifecycle                                   struct{ PreStop struct{ Exec *command } }
		SecurityContext                             struct {
			ReadOnlyRootFilesystem   bool
			AllowPrivilegeEscalation *bool
			Capabilities             struct{ Add, Drop []string }
		}
		VolumeMounts []struct {
			Name, MountPath string
			ReadOnly        bool
		}
	}
	probe struct {
		Exec      *command
		TCPSocket *struct{ Port any }
		HTTPGet   *struct {
			Path string
			Port any
		}
		PeriodSeconds, FailureThreshold int
	}
	command struct{ Command []string }
)

// A pod is one that Docker runs as Kubernetes would: a first container that holds the namespaces, and one that joins them.
type pod struct {
	t         *testing.T
	spec      podSpec
	container containerSpec
	pause     *imagetest.Container
	main      *imagetest.Container
}

// runPod starts a pod of one container. secrets are files by name, of all secrets.
func runPod(t *testing.T, spec podSpec, secrets map[string]string) pod {
	t.Helper()
	c := spec.Containers[0]
	p := pod{t: t, spec: spec, container: c, pause: imagetest.Run(t, "--ipc", "shareable", "keelson-test-pod")}
	join := "container:" + p.pause.ID
	// The engine's checks of health are not the kubelet's.
	args := []string{"--no-healthcheck", "--network", join, "--ipc", join}
	if spec.ShareProcessNamespace {
		args = append(args, "--pid", join)
	}
	s := spec.SecurityContext
	if s.RunAsUser != nil {
		args = append(args, "--user", fmt.Sprintf("%d:%d", *s.RunAsUser, *s.RunAsGroup))
	} else if s.RunAsNonRoot {
		t.Fatal("runAsNonRoot without runAsUser")
	}
	if c.SecurityContext.ReadOnlyRootFilesystem {
		args = append(args, "--read-only")
	}
	if escalate := c.SecurityContext.AllowPrivilegeEscalation; escalate != nil && !*escalate {
		args = append(args, "--security-opt", "no-new-privileges")
	}
	for _, capability := range c.SecurityContext.Capabilities.Drop {
		args = append(args, "--cap-drop", capability)
	}
	for _, e := range c.Env {
		args = append(args, "-e", e.Name+"="+e.Value)
	}
	// What fsGroup does to a volume (SetVolumeOwnership in Kubernetes): its group, set-group-ID, writable for the group. An emptyDir is writable for all.
	group := 0
	if s.FSGroup != nil {
		group = *s.FSGroup
	}
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(spec.Volumes, func(v struct {
			Name                  string
			EmptyDir              *struct{}
			Secret                *struct{ SecretName string }
			PersistentVolumeClaim *struct{ ClaimName string }
		}) bool {
			return v.Name == m.Name
		})
		if i < 0 {
			t.Fatalf("there is no volume %s", m.Name)
		}
		switch v := spec.Volumes[i]; {
		case v.EmptyDir != nil:
			// runc gives what --tmpfs mounts the mode that the image's folder has.
			args = append(args, "-v", p.volume("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", fmt.Sprintf("o=mode=2777,gid=%d", group))+":"+m.MountPath+":nocopy")
		case v.Secret != nil:
			dir := t.TempDir()
			for name, text := range secrets {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			args = append(args, "-v", dir+":"+m.MountPath+":ro")
		case v.PersistentVolumeClaim != nil:
			volume := p.volume()
			if s.FSGroup != nil {
				container.Docker(t, "run", "--rm", "-v", volume+":/v", "--entrypoint", "sh", "keelson-test-base", "-c", fmt.Sprintf("chgrp %d /v && chmod 2775 /v", group))
			}
			args = append(args, "-v", volume+":"+m.MountPath)
		}
	}
	args = append(args, strings.Replace(c.Image, "keelson-", "keelson-test-", 1))
	p.main = imagetest.Run(t, append(append(args, c.Command...), c.Args...)...)
	return p
}

// volume makes one that goes with the test.
func (p pod) volume(options ...string) string {
	p.t.Helper()
	volume := container.Docker(p.t, append([]string{"volume", "create"}, options...)...)
	p.t.Cleanup(func() { exec.Command("docker", "volume", "rm", volume).Run() })
	return volume
}

// at is where the node finds a port, by its number or its name: at the pod's own address.
func (p pod) at(port any) string {
	p.t.Helper()
	for _, known := range p.container.Ports {
		if fmt.Sprint(port) == known.Name || fmt.Sprint(port) == fmt.Sprint(known.ContainerPort) {
			return net.JoinHostPort(p.pause.Inspect("{{.NetworkSettings.IPAddress}}"), fmt.Sprint(known.ContainerPort))
		}
	}
	p.t.Fatalf("there is no port %v", port)
	return ""
}

// run carries out a command inside.
func (p pod) run(c *command) error {
	out, err := exec.Command("docker", append([]string{"exec", p.main.ID}, c.Command...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%q: %w: %s", c.Command, err, out)
	}
	return nil
}

func (p pod) probe(what *probe) error {
	switch {
	case what == nil:
		return errors.New("there is no such probe")
	case what.Exec != nil:
		return p.run(what.Exec)
	case what.TCPSocket != nil:
		connection, err := net.DialTimeout("tcp", p.at(what.TCPSocket.Port), time.Second)
		if err == nil {
			connection.Close()
		}
		return err
	default:
		_, err := imagetest.Get("http://" + p.at(what.HTTPGet.Port) + what.HTTPGet.Path)
		return err
	}
}

// starts waits for the probes, in Kubernetes' order.
func (p pod) starts() {
	p.t.Helper()
	for _, step := range []struct {
		name  string
		probe *probe
	}{{"startupProbe", p.container.StartupProbe}, {"readinessProbe", p.container.ReadinessProbe}, {"livenessProbe", p.container.LivenessProbe}} {
		imagetest.Until(p.t, step.name, func() error { return p.probe(step.probe) })
	}
}

// ends is what the kubelet does: preStop, TERM, and KILL when the time is up, which has to be in vain.
func (p pod) ends() {
	p.t.Helper()
	begin := time.Now()
	grace := time.Duration(p.spec.TerminationGracePeriodSeconds) * time.Second
	if err := p.run(p.container.Lifecycle.PreStop.Exec); err != nil {
		p.t.Errorf("preStop: %v", err)
	}
	left := grace - time.Since(begin)
	container.Docker(p.t, "stop", "-t", fmt.Sprint(int(left.Seconds())), p.main.ID)
	if status := p.main.Inspect("{{.State.ExitCode}}"); status != "0" || time.Since(begin) >= grace {
		p.t.Errorf("the container ends with %s after %v of %v", status, time.Since(begin), grace)
	}
	p.pause.Ends()
}

// deploymentOf is the Deployment among the objects that check prints.
func deploymentOf(t *testing.T, objects []byte) podSpec {
	t.Helper()
	for line := range bytes.Lines(objects) {
		var d deployment
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		if d.Kind == "Deployment" {
			return d.Spec.Template.Spec
		}
	}
	t.Fatal("there is no Deployment")
	return podSpec{}
}
