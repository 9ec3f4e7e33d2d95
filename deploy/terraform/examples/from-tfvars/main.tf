terraform {
  required_version = ">= 1.11"

  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.3"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 3.4"
    }
  }
}

provider "helm" {
  kubernetes = {
    config_path = var.kubeconfig
  }
}

provider "kubernetes" {
  config_path = var.kubeconfig
}

variable "kubeconfig" {
  description = "Path of the kubeconfig."
  type        = string
  default     = "~/.kube/config"
}

# The old release stays in the cluster. Its state, which has all values of the app, is forgotten.
removed {
  from = helm_release.app

  lifecycle {
    destroy = false
  }
}

module "app" {
  source = "../../modules/app"

  name             = "web"
  namespace        = "demo"
  create_namespace = false
  # The same release, under another address.
  adopt  = true
  secret = { existing = "web-secret" }
  values = [file("${path.module}/values.yaml")]
}
