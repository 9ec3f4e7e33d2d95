package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// provider is the schema of a provider, as `terraform providers schema -json` prints it.
type provider struct {
	Config    schema            `json:"provider"`
	Meta      *schema           `json:"provider_meta"`
	Resources map[string]schema `json:"resource_schemas"`
	Data      map[string]schema `json:"data_source_schemas"`
	Ephemeral map[string]schema `json:"ephemeral_resource_schemas"`
}

type schema struct {
	Version int64 `json:"version"`
	Block   block `json:"block"`
}

type block struct {
	Attributes map[string]attribute   `json:"attributes"`
	Blocks     map[string]nestedBlock `json:"block_types"`
}

type attribute struct {
	Type      json.RawMessage   `json:"type"`
	Nested    *nestedAttributes `json:"nested_type"`
	Required  bool              `json:"required"`
	Optional  bool              `json:"optional"`
	Computed  bool              `json:"computed"`
	Sensitive bool              `json:"sensitive"`
	WriteOnly bool              `json:"write_only"`
}

type nestedAttributes struct {
	Mode       string               `json:"nesting_mode"`
	Attributes map[string]attribute `json:"attributes"`
}

type nestedBlock struct {
	Mode     string `json:"nesting_mode"`
	Block    block  `json:"block"`
	MinItems int64  `json:"min_items"`
	MaxItems int64  `json:"max_items"`
}

var attributeModes = map[string]tfprotov6.SchemaObjectNestingMode{
	"single": tfprotov6.SchemaObjectNestingModeSingle,
	"list":   tfprotov6.SchemaObjectNestingModeList,
	"set":    tfprotov6.SchemaObjectNestingModeSet,
	"map":    tfprotov6.SchemaObjectNestingModeMap,
}

var blockModes = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"map":    tfprotov6.SchemaNestedBlockNestingModeMap,
}

func readProvider(path string) (*provider, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &provider{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (s schema) proto() (*tfprotov6.Schema, error) {
	block, err := s.Block.proto()
	return &tfprotov6.Schema{Version: s.Version, Block: block}, err
}

func (b block) proto() (*tfprotov6.SchemaBlock, error) {
	out := &tfprotov6.SchemaBlock{}
	attributes, err := protoAttributes(b.Attributes)
	if err != nil {
		return nil, err
	}
	out.Attributes = attributes
	for _, name := range sortedKeys(b.Blocks) {
		nested := b.Blocks[name]
		inner, err := nested.Block.proto()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name,
			Block:    inner,
			Nesting:  blockModes[nested.Mode],
			MinItems: nested.MinItems,
			MaxItems: nested.MaxItems,
		})
	}
	return out, nil
}

func protoAttributes(attributes map[string]attribute) ([]*tfprotov6.SchemaAttribute, error) {
	var out []*tfprotov6.SchemaAttribute
	for _, name := range sortedKeys(attributes) {
		one, err := attributes[name].proto(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, one)
	}
	return out, nil
}

func (a attribute) proto(name string) (*tfprotov6.SchemaAttribute, error) {
	out := &tfprotov6.SchemaAttribute{
		Name:      name,
		Required:  a.Required,
		Optional:  a.Optional,
		Computed:  a.Computed,
		Sensitive: a.Sensitive,
		WriteOnly: a.WriteOnly,
	}
	var err error
	if a.Nested == nil {
		// The only function that reads this notation.
		out.Type, err = tftypes.ParseJSONType(a.Type) //nolint:staticcheck
		return out, err
	}
	out.NestedType = &tfprotov6.SchemaObject{Nesting: attributeModes[a.Nested.Mode]}
	out.NestedType.Attributes, err = protoAttributes(a.Nested.Attributes)
	return out, err
}

func protoSchemas(schemas map[string]schema) (map[string]*tfprotov6.Schema, error) {
	out := map[string]*tfprotov6.Schema{}
	for name, one := range schemas {
		converted, err := one.proto()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = converted
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
