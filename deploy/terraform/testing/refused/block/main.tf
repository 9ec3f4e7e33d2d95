# Terraform refuses this: Blocks of type "set" are not expected here

terraform {
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.3"
    }
  }
}

resource "helm_release" "this" {
  name  = "web"
  chart = "app"

  set {
    name  = "replicaCount"
    value = "1"
  }
}
