package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// server answers Terraform from only the schema.
type server struct {
	// Terraform asks the other questions only of providers that announce the answers.
	tfprotov6.ProviderServer
	provider *provider
	// The file with the access to the cluster, for tests with a real one.
	kubeconfig string
}

func capabilities() *tfprotov6.ServerCapabilities {
	return &tfprotov6.ServerCapabilities{GetProviderSchemaOptional: true}
}

func (s *server) GetMetadata(
	context.Context, *tfprotov6.GetMetadataRequest,
) (*tfprotov6.GetMetadataResponse, error) {
	response := &tfprotov6.GetMetadataResponse{ServerCapabilities: capabilities()}
	for _, name := range sortedKeys(s.provider.Resources) {
		response.Resources = append(response.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for _, name := range sortedKeys(s.provider.Data) {
		response.DataSources = append(response.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	for _, name := range sortedKeys(s.provider.Ephemeral) {
		response.EphemeralResources = append(response.EphemeralResources, tfprotov6.EphemeralResourceMetadata{TypeName: name})
	}
	return response, nil
}

func (s *server) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	response := &tfprotov6.GetProviderSchemaResponse{
		// Terraform then asks only the first of many processes of this provider.
		ServerCapabilities: capabilities(),
		Functions:          map[string]*tfprotov6.Function{},
	}
	var err error
	if response.Provider, err = s.provider.Config.proto(); err != nil {
		return nil, err
	}
	if s.provider.Meta != nil {
		if response.ProviderMeta, err = s.provider.Meta.proto(); err != nil {
			return nil, err
		}
	}
	if response.ResourceSchemas, err = protoSchemas(s.provider.Resources); err != nil {
		return nil, err
	}
	if response.DataSourceSchemas, err = protoSchemas(s.provider.Data); err != nil {
		return nil, err
	}
	response.EphemeralResourceSchemas, err = protoSchemas(s.provider.Ephemeral)
	return response, err
}

func (s *server) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) GetFunctions(
	context.Context, *tfprotov6.GetFunctionsRequest,
) (*tfprotov6.GetFunctionsResponse, error) {
	return &tfprotov6.GetFunctionsResponse{Functions: map[string]*tfprotov6.Function{}}, nil
}

func (s *server) ValidateProviderConfig(
	_ context.Context, request *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (s *server) ConfigureProvider(
	_ context.Context, request *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, s.configure(request.Config)
}

func (s *server) StopProvider(
	context.Context, *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceConfig(
	_ context.Context, request *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	schema := s.provider.Resources[request.TypeName]
	found, err := validated(schema, request.Config)
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: found}, err
}

func (s *server) ValidateDataResourceConfig(
	_ context.Context, request *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	found, err := validated(s.provider.Data[request.TypeName], request.Config)
	return &tfprotov6.ValidateDataResourceConfigResponse{Diagnostics: found}, err
}

func (s *server) ValidateEphemeralResourceConfig(
	_ context.Context, request *tfprotov6.ValidateEphemeralResourceConfigRequest,
) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	found, err := validated(s.provider.Ephemeral[request.TypeName], request.Config)
	return &tfprotov6.ValidateEphemeralResourceConfigResponse{Diagnostics: found}, err
}

func (s *server) PlanResourceChange(
	_ context.Context, request *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema := s.provider.Resources[request.TypeName]
	planned, err := filled(planning, request.TypeName, schema, request.ProposedNewState)
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (s *server) ApplyResourceChange(
	_ context.Context, request *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	schema := s.provider.Resources[request.TypeName]
	state, err := filled(applying, request.TypeName, schema, request.PlannedState)
	if err != nil {
		return nil, err
	}
	before, err := unmarshal(schema, request.PriorState)
	if err != nil {
		return nil, err
	}
	after, err := unmarshal(schema, state)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state}, s.deploy(request.TypeName, before, after)
}

func (s *server) ReadResource(
	_ context.Context, request *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}, nil
}

func (s *server) UpgradeResourceState(
	_ context.Context, request *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	t, err := valueType(s.provider.Resources[request.TypeName])
	if err != nil {
		return nil, err
	}
	// A state of an older version of the provider has attributes that the schema lacks.
	options := tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}
	value, err := request.RawState.UnmarshalWithOpts(t, options)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(t, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *server) ReadDataSource(
	_ context.Context, request *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	state, err := filled(applying, request.TypeName, s.provider.Data[request.TypeName], request.Config)
	return &tfprotov6.ReadDataSourceResponse{State: state}, err
}

func (s *server) OpenEphemeralResource(
	_ context.Context, request *tfprotov6.OpenEphemeralResourceRequest,
) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	result, err := filled(applying, request.TypeName, s.provider.Ephemeral[request.TypeName], request.Config)
	return &tfprotov6.OpenEphemeralResourceResponse{Result: result}, err
}

func (s *server) CloseEphemeralResource(
	context.Context, *tfprotov6.CloseEphemeralResourceRequest,
) (*tfprotov6.CloseEphemeralResourceResponse, error) {
	return &tfprotov6.CloseEphemeralResourceResponse{}, nil
}

func validated(s schema, config *tfprotov6.DynamicValue) ([]*tfprotov6.Diagnostic, error) {
	value, err := unmarshal(s, config)
	if err != nil {
		return nil, err
	}
	return s.Block.validate(tftypes.NewAttributePath(), value)
}

func filled(phase phase, typeName string, s schema, from *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, error) {
	value, err := unmarshal(s, from)
	if err != nil {
		return nil, err
	}
	out, err := filler{phase, typeName, value.String()}.block(s.Block, "", value)
	if err != nil {
		return nil, err
	}
	marshalled, err := tfprotov6.NewDynamicValue(value.Type(), out)
	return &marshalled, err
}

func unmarshal(s schema, from *tfprotov6.DynamicValue) (tftypes.Value, error) {
	t, err := valueType(s)
	if err != nil {
		return tftypes.Value{}, err
	}
	return from.Unmarshal(t)
}

func valueType(s schema) (tftypes.Type, error) {
	converted, err := s.proto()
	if err != nil {
		return nil, err
	}
	return converted.ValueType(), nil
}
