mock_provider "helm" {}

run "controller_fits_a_pi" {
  command = plan

  assert {
    condition     = yamldecode(module.controller.values[1]).resources.limits.memory == "64Mi"
    error_message = "The controller gets 64 MiB."
  }
  assert {
    condition     = !yamldecode(module.controller.values[1]).externalSecrets.enabled
    error_message = "A Pi reads nothing from AWS."
  }
}
