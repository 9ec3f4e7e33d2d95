# Terraform refuses this: blocks are allowed

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_eks_cluster" "this" {
  name     = "demo"
  role_arn = "arn:aws:iam::123456789012:role/demo"

  vpc_config {
    subnet_ids = ["subnet-1"]
  }
  vpc_config {
    subnet_ids = ["subnet-2"]
  }
}
