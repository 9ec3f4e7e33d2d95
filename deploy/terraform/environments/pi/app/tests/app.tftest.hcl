mock_provider "helm" {}
mock_provider "kubernetes" {}

variables {
  sealed = "tests/sealed.yaml"
}

run "app_gets_sealed_values" {
  command = plan

  assert {
    condition     = yamldecode(yamldecode(module.app.values[0]).secrets.sealedSecret.manifest).kind == "SealedSecret"
    error_message = "The chart renders the sealed file."
  }
  assert {
    condition     = yamldecode(module.app.values[1]).service.type == "LoadBalancer"
    error_message = "The app has the address of the Pi."
  }
}

run "plain_file_is_refused" {
  command = plan

  variables {
    sealed = "values.yaml"
  }

  expect_failures = [var.sealed]
}
