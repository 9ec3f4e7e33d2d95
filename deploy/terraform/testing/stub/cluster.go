package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The programs with which a test lets the provider change a real cluster. Without them, it calls nothing.
const (
	helmVariable    = "STUB_HELM"
	kubectlVariable = "STUB_KUBECTL"
	// Set if no Pod of the cluster ever starts, so that nothing waits for one.
	withoutPodsVariable = "STUB_WITHOUT_PODS"
)

// object is the known content of a value.
type object map[string]tftypes.Value

func read(value tftypes.Value) object {
	members := map[string]tftypes.Value{}
	if value.IsNull() || !value.IsKnown() || value.As(&members) != nil {
		return object{}
	}
	return members
}

func (o object) text(name string) string {
	var text string
	if value, exists := o[name]; exists && value.IsKnown() && !value.IsNull() {
		_ = value.As(&text)
	}
	return text
}

func (o object) flag(name string) bool {
	var flag bool
	if value, exists := o[name]; exists && value.IsKnown() && !value.IsNull() {
		_ = value.As(&flag)
	}
	return flag
}

func (o object) list(name string) []tftypes.Value {
	var list []tftypes.Value
	if value, exists := o[name]; exists && value.IsKnown() && !value.IsNull() {
		_ = value.As(&list)
	}
	return list
}

// kubeconfig is the file that the configuration of the provider of Helm or Kubernetes names.
func kubeconfig(provider object) string {
	path := provider.text("config_path")
	if inner, exists := provider["kubernetes"]; exists {
		path = read(inner).text("config_path")
	}
	if rest, found := strings.CutPrefix(path, "~/"); found {
		path = filepath.Join(os.Getenv("HOME"), rest)
	}
	return path
}

// deploy makes the cluster have a resource as in its new state, or lack it.
func (s *server) deploy(typeName string, before, after tftypes.Value) error {
	deletes := after.IsNull()
	resource := read(after)
	if deletes {
		resource = read(before)
	}
	switch {
	case typeName == "helm_release" && os.Getenv(helmVariable) != "":
		if deletes {
			return s.uninstall(resource)
		}
		return s.install(resource, before.IsNull())
	case typeName == "kubernetes_namespace_v1" && os.Getenv(kubectlVariable) != "":
		return s.namespace(resource, deletes)
	}
	return nil
}

func (s *server) install(release object, isNew bool) error {
	arguments := []string{"upgrade", "--install"}
	if isNew && !release.flag("upgrade_install") {
		// It fails if there is a release of this name.
		arguments = []string{"install"}
	}
	arguments = append(arguments, release.text("name"), release.text("chart"), "--namespace", release.text("namespace"), "--hide-notes")
	if release.flag("create_namespace") {
		arguments = append(arguments, "--create-namespace")
	}
	if release.flag("wait") && os.Getenv(withoutPodsVariable) == "" {
		arguments = append(arguments, "--wait")
	}
	directory, err := os.MkdirTemp("", "stub-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	for number, value := range release.list("values") {
		var text string
		if err := value.As(&text); err != nil {
			return err
		}
		file := filepath.Join(directory, fmt.Sprintf("%d.yaml", number))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		arguments = append(arguments, "--values", file)
	}
	for _, list := range []string{"set", "set_sensitive"} {
		for _, value := range release.list(list) {
			set := read(value)
			arguments = append(arguments, "--set", set.text("name")+"="+set.text("value"))
		}
	}
	return s.run("", os.Getenv(helmVariable), arguments...)
}

func (s *server) uninstall(release object) error {
	return s.run("", os.Getenv(helmVariable), "uninstall", release.text("name"), "--namespace", release.text("namespace"), "--wait")
}

func (s *server) namespace(namespace object, deletes bool) error {
	kubectl := os.Getenv(kubectlVariable)
	blocks := namespace.list("metadata")
	if len(blocks) != 1 {
		return fmt.Errorf("a namespace has one block of metadata")
	}
	metadata := read(blocks[0])
	if deletes {
		return s.run("", kubectl, "delete", "namespace", metadata.text("name"))
	}
	labels := map[string]string{}
	for name := range read(metadata["labels"]) {
		labels[name] = read(metadata["labels"]).text(name)
	}
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Namespace",
		"metadata":   map[string]any{"name": metadata.text("name"), "labels": labels},
	})
	if err != nil {
		return err
	}
	return s.run(string(manifest), kubectl, "apply", "--filename", "-")
}

func (s *server) run(input, program string, arguments ...string) error {
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	command.Stdin = strings.NewReader(input)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(program), arguments[0], err, output)
	}
	return nil
}

func (s *server) configure(config *tfprotov6.DynamicValue) error {
	value, err := unmarshal(s.provider.Config, config)
	s.kubeconfig = kubeconfig(read(value))
	return err
}
