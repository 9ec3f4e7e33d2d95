mock_provider "aws" {}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = keys(module.network.private_subnet_ids) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "The zones differ from the settings."
  }
}
