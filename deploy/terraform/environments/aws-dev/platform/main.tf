terraform {
  required_version = ">= 1.11"

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

  # Bucket, region and key are in ../backend.s3.tfbackend.
  backend "s3" {
    key          = "platform.tfstate"
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

# The token is in no plan and in no state.
ephemeral "aws_eks_cluster_auth" "this" {
  name = data.aws_eks_cluster.this.name
}

provider "kubernetes" {
  host                   = data.aws_eks_cluster.this.endpoint
  cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
  token                  = ephemeral.aws_eks_cluster_auth.this.token
}

provider "helm" {
  kubernetes = {
    host                   = data.aws_eks_cluster.this.endpoint
    cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
    token                  = ephemeral.aws_eks_cluster_auth.this.token
  }
}

locals {
  settings = yamldecode(file("${path.module}/../settings.yaml"))
  vpc      = data.aws_eks_cluster.this.vpc_config[0]
}

data "aws_eks_cluster" "this" {
  name = local.settings.name
}

data "aws_route53_zone" "this" {
  name = local.settings.gateway.zone
}

module "gateway" {
  source = "../../../modules/gateway"

  name                = local.settings.name
  cluster_name        = data.aws_eks_cluster.this.name
  cluster_arn         = data.aws_eks_cluster.this.arn
  vpc_id              = local.vpc.vpc_id
  controller          = local.settings.cluster.auto_mode ? "auto_mode" : "lbc"
  installed_by        = local.settings.installed_by
  hostname            = local.settings.gateway.hostname
  zone_id             = data.aws_route53_zone.this.zone_id
  source_ranges       = local.settings.gateway.source_ranges
  deletion_protection = local.settings.gateway.deletion_protection
  idle_timeout        = local.settings.gateway.idle_timeout
  waf                 = local.settings.gateway.waf
  access_log_days     = local.settings.gateway.access_log_days
  controller_replicas = local.settings.gateway.controller_replicas
}

module "events" {
  source = "../../../modules/events"

  name                    = "${local.settings.name}-secret-changes"
  secret_name_prefixes    = [local.settings.secret_prefix]
  parameter_name_prefixes = ["/${local.settings.secret_prefix}"]
  alarm_topic_arns        = local.settings.alarm_topic_arns
}

module "controller_identity" {
  source = "../../../modules/pod-identity"

  # The layer of the secrets finds the role by this name.
  name                    = "${local.settings.name}-mtk-controller"
  cluster_name            = data.aws_eks_cluster.this.name
  cluster_arn             = data.aws_eks_cluster.this.arn
  namespace               = "kube-system"
  service_account         = "mtk-controller"
  secret_name_prefixes    = [local.settings.secret_prefix]
  parameter_name_prefixes = ["/${local.settings.secret_prefix}"]
  queue_arns              = [module.events.queue_arn]
}

module "controller" {
  count  = local.settings.installed_by == "terraform" ? 1 : 0
  source = "../../../modules/controller"

  pod_identity_association_id = module.controller_identity.association_id
  event_queue_urls            = [module.events.queue_url]
  values                      = [yamlencode(local.settings.controller)]
}

module "lattice" {
  count  = local.settings.lattice.enabled ? 1 : 0
  source = "../../../modules/lattice"

  name             = local.settings.name
  allowed_accounts = local.settings.lattice.allowed_accounts
  log_days         = local.settings.lattice.log_days
  installed_by     = local.settings.installed_by
  internet         = local.settings.network.nat != "none"
  certificate_arn  = module.gateway.certificate_arn

  associations = {
    cluster = {
      vpc_id                    = local.vpc.vpc_id
      client_security_group_ids = [local.vpc.cluster_security_group_id]
    }
  }
  cluster = {
    name              = data.aws_eks_cluster.this.name
    arn               = data.aws_eks_cluster.this.arn
    vpc_id            = local.vpc.vpc_id
    security_group_id = local.vpc.cluster_security_group_id
  }
}
