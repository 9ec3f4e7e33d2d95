// Command health shows what GitOps tools make of files and objects, with the code that these tools use.
//
//	health status [KUSTOMIZATION]   reads objects as JSON from standard input, and prints a line of JSON
//	                                for each: the status of kstatus, of Flux with the expressions in the
//	                                file, and of Argo CD
//	health build DIRECTORY          prints the objects of a directory as kustomize builds them
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "build":
		return build(arguments[1], os.Stdout)
	case len(arguments) == 2 && arguments[0] == "status":
		rules, err := readRules(arguments[1])
		if err != nil {
			return err
		}
		return report(rules, os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "status":
		return report(nil, os.Stdin, os.Stdout)
	}
	return errors.New("usage: health status [KUSTOMIZATION] | health build DIRECTORY")
}

func build(directory string, output io.Writer) error {
	options := krusty.MakeDefaultOptions()
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return err
	}
	text, err := objects.AsYaml()
	if err != nil {
		return err
	}
	_, err = output.Write(text)
	return err
}

// The line for an object.
type line struct {
	Kstatus string `json:"kstatus"`
	// Empty without a rule for the kind: Flux then uses kstatus.
	Flux string `json:"flux"`
	// Empty without a script for the kind: Argo CD then counts the object as healthy.
	ArgoCD  string `json:"argocd"`
	Message string `json:"message"`
}

func report(rules rules, input io.Reader, output io.Writer) error {
	decoder, encoder := json.NewDecoder(input), json.NewEncoder(output)
	for {
		var text json.RawMessage
		if err := decoder.Decode(&text); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading an object: %w", err)
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(text); err != nil {
			return fmt.Errorf("reading an object: %w", err)
		}
		result, err := status.Compute(&object)
		if err != nil {
			return fmt.Errorf("computing the status: %w", err)
		}
		argo, err := argoHealth(&object)
		if err != nil {
			return err
		}
		line := line{
			Kstatus: string(result.Status),
			Flux:    rules.status(&object),
			ArgoCD:  argo,
			Message: result.Message,
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
}
