package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The identity that made-up values name.
const (
	account   = "123456789012"
	region    = "eu-central-1"
	partition = "aws"
)

// phase is planning, which leaves values of the provider unknown, or applying, which makes them up.
type phase int

const (
	planning phase = iota
	applying
)

// filler gives the attributes of an object the values that a real provider would compute.
type filler struct {
	phase    phase
	typeName string
	// seed makes two objects of a type differ. It is the configuration of the object.
	seed string
}

func (f filler) block(b block, path string, value tftypes.Value) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	members := map[string]tftypes.Value{}
	if err := value.As(&members); err != nil {
		return value, err
	}
	for name, attribute := range b.Attributes {
		filled, err := f.attribute(attribute, path+"."+name, name, members[name])
		if err != nil {
			return value, err
		}
		members[name] = filled
	}
	for name, nested := range b.Blocks {
		filled, err := eachElement(members[name], nested.Mode, func(index int, element tftypes.Value) (tftypes.Value, error) {
			return f.block(nested.Block, fmt.Sprintf("%s.%s%d", path, name, index), element)
		})
		if err != nil {
			return value, err
		}
		members[name] = filled
	}
	return tftypes.NewValue(value.Type(), members), nil
}

func (f filler) attribute(a attribute, path, name string, value tftypes.Value) (tftypes.Value, error) {
	unset := a.Computed && value.IsNull()
	switch {
	case a.WriteOnly:
		// Neither plan nor state may contain it.
		return tftypes.NewValue(value.Type(), nil), nil
	case f.phase == planning && unset:
		return tftypes.NewValue(value.Type(), tftypes.UnknownValue), nil
	case f.phase == applying && (unset || !value.IsKnown()):
		return f.madeUp(value.Type(), path, name), nil
	case a.Nested != nil:
		inner := block{Attributes: a.Nested.Attributes}
		return eachElement(value, a.Nested.Mode, func(index int, element tftypes.Value) (tftypes.Value, error) {
			return f.block(inner, fmt.Sprintf("%s%d", path, index), element)
		})
	}
	return value, nil
}

// madeUp is a value of the type that looks like one of the provider and is always the same.
func (f filler) madeUp(t tftypes.Type, path, name string) tftypes.Value {
	switch typed := t.(type) {
	case tftypes.Object:
		members := map[string]tftypes.Value{}
		for member, inner := range typed.AttributeTypes {
			members[member] = f.madeUp(inner, path+"."+member, member)
		}
		return tftypes.NewValue(t, members)
	case tftypes.List:
		return tftypes.NewValue(t, f.elements(typed, path, name))
	case tftypes.Set:
		return tftypes.NewValue(t, []tftypes.Value{})
	case tftypes.Map:
		return tftypes.NewValue(t, map[string]tftypes.Value{})
	}
	switch {
	case t.Is(tftypes.String):
		return tftypes.NewValue(t, f.text(path, name))
	case t.Is(tftypes.Number):
		return tftypes.NewValue(t, 0)
	case t.Is(tftypes.Bool):
		return tftypes.NewValue(t, false)
	}
	return tftypes.NewValue(t, nil)
}

// elements is one element where configurations take the first one, else none.
func (f filler) elements(list tftypes.List, path, name string) []tftypes.Value {
	if list.ElementType.Is(tftypes.Object{}) || name == "names" || name == "ids" {
		return []tftypes.Value{f.madeUp(list.ElementType, path+"0", name)}
	}
	return []tftypes.Value{}
}

func (f filler) text(path, name string) string {
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(f.typeName+f.seed+path)))[:12]
	switch {
	case name == "arn" || strings.HasSuffix(name, "_arn"):
		return fmt.Sprintf("arn:%s:stub:%s:%s:%s/%s", partition, region, account, f.typeName, digest)
	case name == "account_id":
		return account
	case name == "region":
		return region
	case name == "partition":
		return partition
	case name == "policy" || strings.HasSuffix(name, "json"):
		return `{"Version":"2012-10-17","Statement":[]}`
	}
	return "stub-" + name + "-" + digest
}

// eachElement replaces each element of a collection; a single object counts as its own element.
func eachElement(
	value tftypes.Value, mode string, replace func(int, tftypes.Value) (tftypes.Value, error),
) (tftypes.Value, error) {
	if value.IsNull() || !value.IsKnown() {
		return value, nil
	}
	switch mode {
	case "single":
		return replace(0, value)
	case "map":
		members := map[string]tftypes.Value{}
		if err := value.As(&members); err != nil {
			return value, err
		}
		for _, key := range sortedKeys(members) {
			replaced, err := replace(0, members[key])
			if err != nil {
				return value, err
			}
			members[key] = replaced
		}
		return tftypes.NewValue(value.Type(), members), nil
	}
	var elements []tftypes.Value
	if err := value.As(&elements); err != nil {
		return value, err
	}
	for index := range elements {
		replaced, err := replace(index, elements[index])
		if err != nil {
			return value, err
		}
		elements[index] = replaced
	}
	return tftypes.NewValue(value.Type(), elements), nil
}
