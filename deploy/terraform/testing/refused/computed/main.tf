# Terraform refuses this: Value for unconfigurable attribute

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_sqs_queue" "this" {
  arn = "arn:aws:sqs:eu-central-1:123456789012:demo"
}
