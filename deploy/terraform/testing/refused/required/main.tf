# Terraform refuses this: The argument "service_account" is required

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_eks_pod_identity_association" "this" {
  cluster_name = "demo"
  namespace    = "kube-system"
  role_arn     = "arn:aws:iam::123456789012:role/demo"
}
