# Terraform refuses this: Ephemeral values are not valid for "values"

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
  ephemeral = true
}

resource "helm_release" "this" {
  name   = "web"
  chart  = "app"
  values = [yamlencode({ envSecrets = var.app_secrets })]
}
