# Secrets as in an environment: the values go to Secrets Manager, and the app gets their names.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
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

variable "app_secrets" {
  type      = map(string)
  ephemeral = true
  sensitive = true
}

variable "revision" {
  type = number
}

module "secrets" {
  source = "../../../modules/secrets"

  prefix      = "demo/dev"
  names       = ["app"]
  values      = { app = var.app_secrets }
  revisions   = { app = var.revision }
  reader_arns = ["arn:aws:iam::123456789012:role/controller"]
  owner_arns  = ["arn:aws:iam::123456789012:role/terraform"]
}

module "app" {
  source = "../../../modules/app"

  name      = "web"
  namespace = "demo"
  secret    = { external = { store = "aws", keys = values(module.secrets.names) } }
}

output "names" {
  value = module.secrets.names
}

output "values" {
  value = module.app.values
}
