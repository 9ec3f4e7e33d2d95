# Terraform refuses this: An argument named "wait_timeout_seconds" is not expected here

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }
}

resource "aws_sqs_queue" "this" {
  wait_timeout_seconds = 5
}
