terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }

  # Bucket, region and key are in ../backend.s3.tfbackend.
  backend "s3" {
    key          = "secrets.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = local.settings.region
  allowed_account_ids = [local.settings.account]

  default_tags {
    tags = local.settings.tags
  }
}

locals {
  settings = yamldecode(file("${path.module}/../settings.yaml"))
}

variable "values" {
  description = "For each secret of the settings, a map from key to value. The values are in no plan and in no state, so an apply of a saved plan needs them again."
  type        = map(map(string))
  ephemeral   = true
  sensitive   = true
}

data "aws_iam_role" "controller" {
  name = "${local.settings.name}-mtk-controller"
}

module "secrets" {
  source = "../../../modules/secrets"

  prefix                  = trimsuffix(local.settings.secret_prefix, "/")
  names                   = keys(local.settings.secrets)
  values                  = var.values
  revisions               = local.settings.secrets
  rotated                 = local.settings.rotated_secrets
  reader_arns             = [data.aws_iam_role.controller.arn]
  owner_arns              = values(local.settings.administrators)
  recovery_window_in_days = local.settings.secret_recovery_days
}

output "names" {
  description = "Full names of the secrets, for ExternalSecrets."
  value       = module.secrets.names
}
