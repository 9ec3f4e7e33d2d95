package main

import (
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// validate finds mistakes that Terraform leaves to the provider: a value for an attribute that only the provider
// sets, and a write-only value without the number that says when the value is new.
func (b block) validate(path *tftypes.AttributePath, value tftypes.Value) ([]*tfprotov6.Diagnostic, error) {
	if value.IsNull() || !value.IsKnown() {
		return nil, nil
	}
	members := map[string]tftypes.Value{}
	if err := value.As(&members); err != nil {
		return nil, err
	}
	var found []*tfprotov6.Diagnostic
	for _, name := range sortedKeys(b.Attributes) {
		if summary := b.mistake(name, members); summary != "" {
			found = append(found, &tfprotov6.Diagnostic{
				Severity:  tfprotov6.DiagnosticSeverityError,
				Summary:   summary,
				Attribute: path.WithAttributeName(name),
			})
		}
	}
	for _, name := range sortedKeys(b.Blocks) {
		nested := b.Blocks[name]
		_, err := eachElement(members[name], nested.Mode, func(index int, element tftypes.Value) (tftypes.Value, error) {
			at := path.WithAttributeName(name)
			if nested.Mode == "list" {
				at = at.WithElementKeyInt(index)
			}
			inner, err := nested.Block.validate(at, element)
			found = append(found, inner...)
			return element, err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// mistake describes what is wrong with an attribute, or is empty.
func (b block) mistake(name string, members map[string]tftypes.Value) string {
	attribute := b.Attributes[name]
	switch {
	case members[name].IsNull():
		return ""
	case attribute.Computed && !attribute.Optional:
		return "Value for unconfigurable attribute"
	case attribute.WriteOnly:
		for _, number := range []string{name + "_version", name + "_revision"} {
			if _, exists := b.Attributes[number]; exists && members[number].IsNull() {
				return "A write-only value needs " + number
			}
		}
	}
	return ""
}
