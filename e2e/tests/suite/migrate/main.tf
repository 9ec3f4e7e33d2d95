# The old deployment, in the syntax of the current provider.
terraform {
  required_providers {
    helm = {
      source = "hashicorp/helm"
    }
  }
}

provider "helm" {}

variable "app_config" {
  type    = map(string)
  default = {}
}

variable "app_secrets" {
  type      = map(string)
  sensitive = true
}

resource "helm_release" "app" {
  name      = "web"
  namespace = "demo"
  chart     = "./chart"
  set       = [for name, value in var.app_config : { name = "envConfigs.${name}", value = value }]

  set_sensitive = [for name, value in nonsensitive(var.app_secrets) : { name = "envSecrets.${name}", value = value }]
}
