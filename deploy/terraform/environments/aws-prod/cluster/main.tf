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
    key          = "cluster.tfstate"
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

data "aws_vpc" "this" {
  tags = { Name = local.settings.name }
}

data "aws_subnets" "intra" {
  tags = { tier = "intra" }

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
}

data "aws_subnets" "private" {
  tags = { tier = "private" }

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
}

module "eks" {
  source = "../../../modules/eks"

  name                     = local.settings.name
  kubernetes_version       = local.settings.cluster.kubernetes_version
  control_plane_subnet_ids = data.aws_subnets.intra.ids
  node_subnet_ids          = data.aws_subnets.private.ids
  public_access_cidrs      = local.settings.cluster.public_access_cidrs
  deletion_protection      = local.settings.cluster.deletion_protection
  log_days                 = local.settings.cluster.log_days
  access                   = { for name, arn in local.settings.administrators : name => { principal_arn = arn } }
  auto_mode                = local.settings.cluster.auto_mode
  nodes                    = local.settings.cluster.nodes
  argocd                   = local.settings.cluster.argocd
}

output "name" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = module.eks.name
}
