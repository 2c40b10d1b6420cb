// Command check reads Kubernetes manifests as strictly as an API server that is told to (fieldValidation=Strict): no field that the types do not have, no
// value of another type. The types are Podman's copy of Kubernetes' own. It prints the objects, one a line, as JSON, or says what is wrong and
// exits with 1.
//
//	check FILE...
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	apps "github.com/containers/podman/v5/pkg/k8s.io/api/apps/v1"
	core "github.com/containers/podman/v5/pkg/k8s.io/api/core/v1"
	strict "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kinds are those that a manifest here may have.
var kinds = map[string]func() any{
	"apps/v1 Deployment":       func() any { return new(apps.Deployment) },
	"v1 PersistentVolumeClaim": func() any { return new(core.PersistentVolumeClaim) },
	"v1 Secret":                func() any { return new(core.Secret) },
	"v1 Service":               func() any { return new(core.Service) },
}

func main() {
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err == nil {
			err = check(text)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "check: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func check(text []byte) error {
	for n, document := range bytes.Split(text, []byte("\n---\n")) {
		var meta struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &meta); err != nil {
			return fmt.Errorf("object %d: %w", n+1, err)
		}
		kind := meta.APIVersion + " " + meta.Kind
		make, ok := kinds[kind]
		if !ok {
			return fmt.Errorf("object %d is of the unknown kind %q", n+1, kind)
		}
		object := make()
		text, err := yaml.YAMLToJSONStrict(document)
		var unknown []error
		if err == nil { // as the API server does it: readOnlyRootFileSystem is another word than readOnlyRootFilesystem
			unknown, err = strict.UnmarshalStrict(text, object)
		}
		if err := errors.Join(append(unknown, err)...); err != nil {
			return fmt.Errorf("object %d, %s: %w", n+1, kind, err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(object); err != nil {
			return err
		}
	}
	return nil
}
