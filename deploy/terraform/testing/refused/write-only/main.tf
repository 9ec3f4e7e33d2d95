# Terraform refuses this: A write-only value needs secret_string_wo_version

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id        = "demo/dev/app"
  secret_string_wo = "value"
}
