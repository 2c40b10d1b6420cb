package imagetest

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keelson/test/binary"
	"keelson/test/container"
)

// AddsTheBinary: the layer in which an image has keelson is as large as the binary, and where its files are to be listed it is the only one. It prints
// how large the image is.
func AddsTheBinary(t *testing.T, image string, list bool) {
	t.Helper()
	program, err := os.Stat(binary.Path(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(container.Docker(t, "history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image)) {
		size, by, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !isCopy(by) {
			continue
		}
		found++
		if n, err := strconv.ParseInt(size, 10, 64); err != nil || n != program.Size() {
			t.Errorf("the layer of %q has %s bytes, the binary %d", by, size, program.Size())
		}
	}
	if found != 1 {
		t.Errorf("%d layers have keelson", found)
	}
	t.Logf("%s: %s bytes", image, container.Docker(t, "image", "inspect", "-f", "{{.Size}}", image))
	if !list {
		return
	}
	files := layer(t, image)
	if len(files) != 1 || !strings.HasSuffix(files[0].Name, "keelson") || files[0].Size != program.Size() || files[0].Typeflag != tar.TypeReg || files[0].FileInfo().Mode() != 0o755 {
		t.Errorf("the layer that is to have the binary alone has %+v", files)
	}
}

// isCopy tells the step of a Dockerfile, in the builder's words, that copies keelson.
func isCopy(by string) bool {
	return strings.Contains(by, "COPY file:") && strings.HasSuffix(strings.TrimSpace(by), "keelson")
}

// layer lists what is no folder in the layer in which an image has keelson.
func layer(t *testing.T, image string) []tar.Header {
	t.Helper()
	cmd := exec.Command("docker", "save", image)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	layers := map[string][]tar.Header{}
	texts := map[string][]byte{}
	for in := tar.NewReader(out); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			if strings.HasSuffix(h.Name, ".json") {
				texts[h.Name], err = io.ReadAll(in)
			} else if strings.HasSuffix(h.Name, "layer.tar") {
				layers[h.Name], err = entries(in)
			}
		}
		if err != nil {
			t.Fatalf("docker save: %v", err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("docker save: %v", err)
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	var config struct {
		History []struct {
			By    string `json:"created_by"`
			Empty bool   `json:"empty_layer"`
		}
	}
	if err := json.Unmarshal(texts["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(texts[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, step := range config.History {
		if step.Empty {
			continue
		}
		if isCopy(step.By) {
			return layers[manifest[0].Layers[n]]
		}
		n++
	}
	t.Fatal("no layer has keelson")
	return nil
}

func entries(layer io.Reader) (list []tar.Header, err error) {
	in := tar.NewReader(layer)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return slices.DeleteFunc(list, func(h tar.Header) bool { return h.Typeflag == tar.TypeDir }), nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *h)
	}
}
