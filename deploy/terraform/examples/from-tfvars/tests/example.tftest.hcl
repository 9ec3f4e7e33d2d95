mock_provider "helm" {}
mock_provider "kubernetes" {}

run "release_is_adopted_without_secrets" {
  command = plan

  assert {
    condition     = yamldecode(module.app.values[0]) == { fullnameOverride = "web", secrets = { existingSecret = "web-secret" } }
    error_message = "The release must use the Secret that the controller delivers."
  }
}
