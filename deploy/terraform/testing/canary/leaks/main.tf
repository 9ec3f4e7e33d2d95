# The old way, which leaks: sensitive values of a release are in the plan and in the state.

terraform {
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.3"
    }
  }
}

variable "app_secrets" {
  type      = map(string)
  sensitive = true
}

variable "revision" {
  type = number
}

resource "helm_release" "app" {
  name        = "web"
  chart       = "../../../../charts/app"
  description = "Revision ${var.revision}"

  set_sensitive = [
    for name, value in nonsensitive(var.app_secrets) : { name = "envSecrets.${name}", value = value, type = "string" }
  ]
}
