mock_provider "aws" {
  override_data {
    target = data.aws_subnets.intra
    values = { ids = ["subnet-a", "subnet-b"] }
  }
}
mock_provider "time" {}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = module.eks.name == "demo-dev"
    error_message = "The other layers find the cluster by this name."
  }
}
