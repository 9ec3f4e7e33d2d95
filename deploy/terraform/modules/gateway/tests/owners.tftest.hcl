mock_provider "aws" {}
mock_provider "helm" {}
mock_provider "kubernetes" {
  mock_data "kubernetes_resource" {
    defaults = { object = { metadata = { annotations = { "gateway.networking.k8s.io/bundle-version" = "v1.6.3" } } } }
  }
}

variables {
  name            = "demo"
  cluster_name    = "demo"
  cluster_arn     = "arn:aws:eks:eu-central-1:123456789012:cluster/demo"
  vpc_id          = "vpc-1"
  hostname        = "*.demo.example.org"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/a1b2"
  source_ranges   = ["192.0.2.0/24"]
}

run "auto_mode_has_no_controller_of_its_own" {
  variables {
    controller    = "auto_mode"
    source_ranges = []
  }
  assert {
    condition     = length(helm_release.lbc) + length(aws_iam_role.lbc) + length(aws_eks_pod_identity_association.lbc) == 0
    error_message = "Auto Mode makes the load balancers."
  }
  assert {
    condition     = [for object in output.objects : object.kind] == ["GatewayClass", "Gateway", "HTTPRoute"] && output.objects[0].spec == { controllerName = "eks.amazonaws.com/gateway-alb" } && !can(output.objects[1].spec.infrastructure)
    error_message = "Auto Mode does not know the settings of the AWS Load Balancer Controller."
  }
  assert {
    condition     = jsonencode(output.objects) == jsonencode(jsondecode(file("tests/objects/auto-mode.json")))
    error_message = "The objects differ from tests/objects/auto-mode.json."
  }
}

run "settings_that_auto_mode_ignores_are_refused" {
  command = plan
  variables {
    controller          = "auto_mode"
    source_ranges       = ["192.0.2.0/24"]
    deletion_protection = true
    waf                 = {}
    access_log_days     = 30
  }
  expect_failures = [var.source_ranges, var.deletion_protection, var.waf, var.access_log_days]
}

run "gitops_owns_the_objects" {
  variables {
    installed_by = "gitops"
  }
  assert {
    condition     = length(helm_release.lbc) + length(helm_release.objects) + length(data.kubernetes_resource.gateway_api) == 0
    error_message = "Only one of both may install the objects."
  }
  assert {
    condition     = length(output.objects) == 6 && length(aws_eks_pod_identity_association.lbc) == 1
    error_message = "The rights are Terraform's, and the objects are in the output."
  }
}
