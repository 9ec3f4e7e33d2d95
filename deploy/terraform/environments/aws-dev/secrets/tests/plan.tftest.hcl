mock_provider "aws" {
  override_data {
    target = data.aws_iam_role.controller
    values = { arn = "arn:aws:iam::123456789012:role/demo-dev-mtk-controller" }
  }
}

variables {
  values = { app = { TOKEN = "not a real value" } }
}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = output.names == { app = "demo/dev/app" }
    error_message = "The app reads the secret by this name."
  }
}
