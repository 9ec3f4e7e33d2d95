terraform {
  required_version = ">= 1.11"

  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.3"
    }
  }

  # The state has no secret. It is a file outside of the repository: init with -backend-config=path=FILE.
  backend "local" {}
}

provider "helm" {
  kubernetes = {
    config_path = var.kubeconfig
  }
}

variable "kubeconfig" {
  description = "Path of the Pi's kubeconfig."
  type        = string
  default     = "~/.kube/pi"
}

module "controller" {
  source = "../../../modules/controller"

  values = [file("${path.module}/values.yaml")]
}

output "namespace" {
  description = "Namespace of the controller, for mtk-seal."
  value       = module.controller.namespace
}
