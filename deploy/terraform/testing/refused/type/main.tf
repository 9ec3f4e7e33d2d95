# Terraform refuses this: Inappropriate value for attribute "visibility_timeout_seconds": a number is required

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_sqs_queue" "this" {
  visibility_timeout_seconds = "five"
}
