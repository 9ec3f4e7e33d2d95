package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The scripts that are built into Argo CD. `deploy/charts/tests/schemas/generate` copies them.
//
//go:embed argocd/*.lua
var scripts embed.FS

// argoHealth runs Argo CD's script for the object's kind in the interpreter that Argo CD uses.
func argoHealth(object *unstructured.Unstructured) (string, error) {
	script, err := scripts.ReadFile("argocd/" + object.GetKind() + ".lua")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	if object.GetDeletionTimestamp() != nil {
		// Argo CD decides this before it runs a script.
		return "Progressing", nil
	}
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(string(script)); err != nil {
		return "", fmt.Errorf("the script for %s: %w", object.GetKind(), err)
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", fmt.Errorf("the script for %s returned no table", object.GetKind())
	}
	return health.RawGetString("status").String(), nil
}

func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, inner := range from {
			table.RawSetString(key, value(state, inner))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, inner := range from {
			table.Append(value(state, inner))
		}
		return table
	case string:
		return lua.LString(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	case json.Number:
		number, _ := from.Float64()
		return lua.LNumber(number)
	case bool:
		return lua.LBool(from)
	}
	return lua.LNil
}
