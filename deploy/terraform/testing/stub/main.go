// Command stub is a Terraform provider that knows only its schema, which it reads from a file beside the program.
//
// It calls nothing, unless a test names Helm and kubectl in STUB_HELM and STUB_KUBECTL: it then applies releases and
// namespaces to the cluster of the configuration. In a plan, attributes that a real provider computes are unknown.
// Afterwards they have values that depend on their names and on what the user wrote.
package main

import (
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := readProvider(program + ".json")
	if err != nil {
		log.Fatal(err)
	}
	serve := func() tfprotov6.ProviderServer { return &server{provider: provider} }
	// Terraform takes the address from its configuration and ignores this one.
	if err := tf6server.Serve("registry.terraform.io/hashicorp/stub", serve); err != nil {
		log.Fatal(err)
	}
}
