mock_provider "helm" {}
mock_provider "kubernetes" {}

variables {
  name      = "web"
  namespace = "demo"
}

run "namespace_is_restricted" {
  command = plan

  variables {
    namespace_labels = { gateway-access = "public" }
  }

  assert {
    condition = kubernetes_namespace_v1.this[0].metadata[0].labels == tomap({
      gateway-access                       = "public"
      "pod-security.kubernetes.io/enforce" = "restricted"
    })
    error_message = "The namespace has the profile restricted, and the caller's labels."
  }
  assert {
    condition     = helm_release.this.name == "web" && helm_release.this.namespace == "demo"
    error_message = "The release is in the namespace."
  }
  assert {
    condition     = fileexists("${helm_release.this.chart}/Chart.yaml")
    error_message = "The default is the chart of this repository."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]) == { fullnameOverride = "web", secrets = {} }
    error_message = "Without a secret, the chart's defaults hold."
  }
}

run "existing_namespace_is_left_alone" {
  command = plan

  variables {
    create_namespace = false
  }

  assert {
    condition     = length(kubernetes_namespace_v1.this) == 0 && helm_release.this.namespace == "demo"
    error_message = "The namespace belongs to another owner."
  }
}

run "existing_secret_is_named" {
  command = plan

  variables {
    secret = { existing = "web-secret" }
  }

  assert {
    condition     = yamldecode(helm_release.this.values[0]).secrets == { existingSecret = "web-secret" }
    error_message = "The chart gets the name."
  }
}

run "sealed_values_are_passed_on" {
  command = plan

  variables {
    secret = { name = "web-secret", sealed = "kind: SealedSecret\nspec: {encryptedData: {A: AgB}}\n" }
  }

  assert {
    condition = yamldecode(helm_release.this.values[0]).secrets == {
      name         = "web-secret"
      sealedSecret = { enabled = true, manifest = "kind: SealedSecret\nspec: {encryptedData: {A: AgB}}\n" }
    }
    error_message = "The chart gets the unchanged manifest and the name."
  }
}

run "names_in_aws_are_passed_on" {
  command = plan

  variables {
    secret = { external = { store = "aws", keys = ["demo/dev/app"] } }
  }

  assert {
    condition = yamldecode(helm_release.this.values[0]).secrets == {
      externalSecret = {
        enabled  = true
        storeRef = { name = "aws", kind = "SecretStore" }
        dataFrom = [{ extract = { key = "demo/dev/app" } }]
      }
    }
    error_message = "The chart gets the store and the names."
  }
}

run "values_with_secrets_are_refused" {
  command = plan

  variables {
    values = ["envSecrets: {SECRET_KEY: plain}"]
  }

  expect_failures = [var.values]
}

run "two_sources_are_refused" {
  command = plan

  variables {
    secret = { existing = "a", sealed = "spec: {encryptedData: {A: AgB}}" }
  }

  expect_failures = [var.secret]
}

run "plain_manifest_is_refused" {
  command = plan

  variables {
    secret = { sealed = "kind: Secret\nstringData: {A: plain}\n" }
  }

  expect_failures = [var.secret]
}

run "weaker_profile_is_refused" {
  command = plan

  variables {
    namespace_labels = { "pod-security.kubernetes.io/enforce" = "privileged" }
  }

  expect_failures = [var.namespace_labels]
}
