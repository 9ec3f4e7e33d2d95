package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// The expressions of a Kustomization, by kind.
type rules map[schema.GroupVersionKind]*cel.StatusEvaluator

// readRules reads `healthCheckExprs` from all documents of a file, and compiles them as Flux does.
func readRules(path string) (rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules := rules{}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var object struct {
			Spec struct {
				HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, check := range object.Spec.HealthCheckExprs {
			evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, check.Kind, err)
			}
			rules[schema.FromAPIVersionAndKind(check.APIVersion, check.Kind)] = evaluator
		}
	}
	return rules, nil
}

// status is that of the rule for the object's kind. Flux keeps waiting after an error.
func (rules rules) status(object *unstructured.Unstructured) string {
	evaluator, ok := rules[object.GroupVersionKind()]
	if !ok {
		return ""
	}
	result, err := evaluator.Evaluate(context.Background(), object)
	if err != nil {
		return "Error"
	}
	return string(result.Status)
}
