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
    key          = "network.tfstate"
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

module "network" {
  source = "../../../modules/network"

  name             = local.settings.name
  cidr             = local.settings.network.cidr
  zones            = local.settings.network.zones
  nat              = local.settings.network.nat
  endpoints        = local.settings.network.endpoints
  secret_prefix    = local.settings.secret_prefix
  flow_log_days    = local.settings.network.flow_log_days
  flow_log_traffic = local.settings.network.flow_log_traffic
}

output "vpc_id" {
  description = "The VPC. Other layers find it by its name."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "Subnets of nodes and Pods, by zone."
  value       = module.network.private_subnet_ids
}
