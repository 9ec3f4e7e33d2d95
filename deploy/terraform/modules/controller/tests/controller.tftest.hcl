mock_provider "helm" {}

run "release_has_safe_settings" {
  command = plan

  assert {
    condition     = helm_release.this.atomic && helm_release.this.wait && helm_release.this.max_history == 5
    error_message = "A failed upgrade is undone, and old values do not pile up."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[0]) == {}
    error_message = "Without inputs, the chart's defaults hold."
  }
  assert {
    condition     = endswith(helm_release.this.chart, "/charts/mtk-controller") && fileexists("${helm_release.this.chart}/Chart.yaml")
    error_message = "The default is the chart of this repository."
  }
  assert {
    condition     = !helm_release.this.create_namespace
    error_message = "kube-system exists."
  }
}

run "queues_and_identity_become_values" {
  command = plan

  variables {
    event_queue_urls            = ["https://sqs.eu-central-1.amazonaws.com/123456789012/secret-changes"]
    pod_identity_association_id = "a-1"
    values                      = ["restart: {enabled: true}"]
  }

  assert {
    condition = yamldecode(helm_release.this.values[0]) == {
      externalSecrets = { eventQueues = [{ url = "https://sqs.eu-central-1.amazonaws.com/123456789012/secret-changes" }] }
      podAnnotations  = { "mtk.mytomorrows.com/pod-identity-association" = "a-1" }
    }
    error_message = "The chart gets the queues and the association."
  }
  assert {
    condition     = helm_release.this.values[1] == "restart: {enabled: true}"
    error_message = "The caller's values come last."
  }
}

run "arn_of_a_queue_is_refused" {
  command = plan

  variables {
    event_queue_urls = ["arn:aws:sqs:eu-central-1:123456789012:secret-changes"]
  }

  expect_failures = [var.event_queue_urls]
}

run "crds_that_a_destroy_deletes_are_refused" {
  command = plan

  variables {
    values = ["crds: {keep: false}"]
  }

  expect_failures = [var.values]
}

run "registry_without_version_is_refused" {
  command = plan

  variables {
    chart = "oci://example.org/charts/mtk-controller"
  }

  expect_failures = [var.chart_version]
}
