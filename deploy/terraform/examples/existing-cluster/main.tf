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
  }
}

provider "aws" {
  region = "eu-central-1"
}

# The token is in no plan and in no state.
ephemeral "aws_eks_cluster_auth" "this" {
  name = var.cluster_name
}

provider "helm" {
  kubernetes = {
    host                   = data.aws_eks_cluster.this.endpoint
    cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
    token                  = ephemeral.aws_eks_cluster_auth.this.token
  }
}

variable "cluster_name" {
  description = "Name of a cluster that another configuration has created, such as one with terraform-aws-modules."
  type        = string
  default     = "demo"
}

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

module "events" {
  source = "../../modules/events"

  name                 = "secret-changes"
  secret_name_prefixes = ["demo/prod/"]
}

module "controller_role" {
  source = "../../modules/pod-identity"

  name                 = "mtk-controller"
  cluster_name         = var.cluster_name
  cluster_arn          = data.aws_eks_cluster.this.arn
  namespace            = "kube-system"
  service_account      = "mtk-controller"
  secret_name_prefixes = ["demo/prod/"]
  queue_arns           = [module.events.queue_arn]
}

module "controller" {
  source = "../../modules/controller"

  event_queue_urls            = [module.events.queue_url]
  pod_identity_association_id = module.controller_role.association_id
}
