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

  # The state has no secret. It is a file outside of the repository: init with -backend-config=path=FILE.
  backend "local" {}
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
  description = "Path of the Pi's kubeconfig."
  type        = string
  default     = "~/.kube/pi"
}

variable "sealed" {
  description = "Path of the file that mtk-seal wrote for this cluster."
  type        = string

  validation {
    condition     = can(yamldecode(file(var.sealed)).spec.encryptedData)
    error_message = "Seal the values first: mtk-seal writes a SealedSecret with spec.encryptedData."
  }
}

module "app" {
  source = "../../../modules/app"

  name      = "web"
  namespace = "demo"
  secret    = { sealed = file(var.sealed) }
  values    = [file("${path.module}/values.yaml")]
}
