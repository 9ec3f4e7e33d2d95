mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn                       = "arn:aws:acm:eu-central-1:123456789012:certificate/made"
      domain_validation_options = [{ domain_name = "*.demo.example.org", resource_record_name = "_a.demo.example.org.", resource_record_type = "CNAME", resource_record_value = "_b.acm-validations.aws." }]
    }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}
mock_provider "helm" {}

override_resource {
  target = aws_wafv2_web_acl.this
  values = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/demo/a1b2" }
}
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

run "only_the_public_gateway_faces_the_internet" {
  assert {
    condition     = [for object in output.objects : "${object.kind}/${object.metadata.name}" if try(object.spec.scheme, "") == "internet-facing"] == ["LoadBalancerConfiguration/public"]
    error_message = "Exactly one configuration is public."
  }
  assert {
    condition     = [for object in output.objects : object.spec.scheme if object.kind == "LoadBalancerConfiguration" && object.metadata.name == "defaults"] == ["internal"]
    error_message = "Other Gateways of the class are internal."
  }
  assert {
    condition     = [for object in output.objects : object.spec.parametersRef if object.kind == "GatewayClass"] == [{ group = "gateway.k8s.aws", kind = "LoadBalancerConfiguration", name = "defaults", namespace = "gateway" }]
    error_message = "The class has the internal defaults."
  }
  assert {
    condition     = [for object in output.objects : object.spec.infrastructure.parametersRef.name if object.kind == "Gateway"] == ["public"]
    error_message = "The Gateway has the public settings."
  }
  assert {
    condition     = [for object in output.objects : object.spec.mergingMode if can(object.spec.mergingMode)] == ["prefer-gateway"]
    error_message = "The class would overrule its Gateways."
  }
  assert {
    condition     = jsonencode([for object in output.objects : object.spec.sourceRanges if can(object.spec.sourceRanges)]) == jsonencode([["192.0.2.0/24"]])
    error_message = "Only the given ranges reach the load balancer."
  }
}

run "targets_are_pods_that_are_ready" {
  assert {
    condition     = toset([for object in output.objects : object.spec.defaultConfiguration.targetType if object.kind == "TargetGroupConfiguration"]) == toset(["ip"])
    error_message = "Targets are Pods."
  }
  assert {
    condition     = [for object in output.objects : object.spec.defaultConfiguration.healthCheckConfig.healthCheckPath if object.kind == "TargetGroupConfiguration"] == ["/readyz"]
    error_message = "The health check asks whether the app is ready."
  }
  assert {
    condition     = [for object in output.objects : object.spec.defaultTargetGroupConfiguration.name if can(object.spec.defaultTargetGroupConfiguration)] == ["defaults"]
    error_message = "The class uses the defaults of targets."
  }
  assert {
    condition     = yamldecode(helm_release.lbc[0].values[0]).defaultTargetType == "ip"
    error_message = "Targets of other load balancers are Pods, too."
  }
}

run "listener_accepts_tls_1_2_or_newer" {
  assert {
    condition     = one([for object in output.objects : object.spec.listenerConfigurations if can(object.spec.listenerConfigurations)]) == [{ protocolPort = "HTTPS:443", defaultCertificate = "arn:aws:acm:eu-central-1:123456789012:certificate/a1b2", sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" }]
    error_message = "The default policy of the controller accepts TLS 1.0."
  }
}

run "older_tls_is_refused" {
  command = plan
  variables {
    ssl_policy = "ELBSecurityPolicy-2016-08"
  }
  expect_failures = [var.ssl_policy]
}

run "port_80_only_redirects" {
  assert {
    condition = { for listener in one([for object in output.objects : object.spec.listeners if object.kind == "Gateway"]) : "${listener.name} ${listener.port} ${listener.protocol}" => listener.allowedRoutes.namespaces.from } == {
      "http 80 HTTP"    = "Same"
      "https 443 HTTPS" = "Selector"
    }
    error_message = "A route of another namespace could attach to port 80."
  }
  assert {
    condition     = one([for object in output.objects : object.spec.parentRefs if object.kind == "HTTPRoute"]) == [{ name = "public", sectionName = "http" }]
    error_message = "The redirect is for port 80 only."
  }
  assert {
    condition     = one([for object in output.objects : object.spec.rules if object.kind == "HTTPRoute"]) == [{ filters = [{ type = "RequestRedirect", requestRedirect = { scheme = "https", port = 443, statusCode = 301 } }] }]
    error_message = "The only route of the namespace answers 301 and has no backend."
  }
  assert {
    condition     = output.gateway == { name = "public", namespace = "gateway", sectionName = "https" }
    error_message = "Apps attach to the listener with TLS."
  }
}

run "controller_reports_missing_kinds" {
  assert {
    condition     = yamldecode(helm_release.lbc[0].values[0]).controllerConfig.featureGates == { ALBGatewayAPI = true, NLBGatewayAPI = true, GatewayListenerSet = true }
    error_message = "Without all three, a missing kind is ignored."
  }
  assert {
    condition     = yamldecode(helm_release.lbc[0].values[0]).vpcId == "vpc-1" && yamldecode(helm_release.lbc[0].values[0]).region == "eu-central-1" && yamldecode(helm_release.lbc[0].values[0]).clusterName == "demo"
    error_message = "The controller cannot find these itself."
  }
  assert {
    condition     = yamldecode(helm_release.lbc[0].values[0]).crds.gatewayAPI.standard.enabled == false && yamldecode(helm_release.lbc[0].values[0]).enableServiceMutatorWebhook == false
    error_message = "The chart would own the kinds of the Gateway API, or all Services of type LoadBalancer."
  }
}

run "release_has_the_objects_of_the_output" {
  assert {
    condition     = jsonencode(yamldecode(helm_release.objects[0].values[0]).objects) == jsonencode(output.objects)
    error_message = "Helm installs other objects."
  }
}

# The tests of the charts check the files of objects against the kinds of the controllers.
run "objects_are_those_of_the_file" {
  assert {
    condition     = jsonencode(output.objects) == jsonencode(jsondecode(file("tests/objects/public.json")))
    error_message = "The objects differ from tests/objects/public.json. Write them there: terraform output -json objects"
  }
}

run "other_version_of_the_gateway_api_is_refused" {
  command = plan
  override_data {
    target = data.kubernetes_resource.gateway_api
    values = { object = { metadata = { annotations = { "gateway.networking.k8s.io/bundle-version" = "v1.5.1" } } } }
  }
  expect_failures = [data.kubernetes_resource.gateway_api]
}

run "production_settings_are_rendered" {
  variables {
    deletion_protection = true
    waf                 = { rate_limit = 500 }
    access_log_days     = 90
    idle_timeout        = 120
  }
  assert {
    condition = { for attribute in one([for object in output.objects : object.spec.loadBalancerAttributes if object.metadata.name == "public" && object.kind == "LoadBalancerConfiguration"]) : attribute.key => attribute.value } == {
      "deletion_protection.enabled"                     = "true"
      "idle_timeout.timeout_seconds"                    = "120"
      "routing.http.drop_invalid_header_fields.enabled" = "true"
      "access_logs.s3.enabled"                          = "true"
      "access_logs.s3.bucket"                           = "demo-alb-logs-123456789012"
      "access_logs.s3.prefix"                           = "public"
    }
    error_message = "The attributes differ."
  }
  assert {
    condition     = jsonencode(output.objects) == jsonencode(jsondecode(file("tests/objects/production.json")))
    error_message = "The objects differ from tests/objects/production.json."
  }
  assert {
    condition     = [for object in output.objects : object.spec.wafV2.webACL if can(object.spec.wafV2)] == [aws_wafv2_web_acl.this[0].arn] && yamldecode(helm_release.lbc[0].values[0]).enableWafv2
    error_message = "The load balancer has the web ACL, and the controller may attach it."
  }
  assert {
    condition     = [for rule in jsondecode(aws_wafv2_web_acl.this[0].rule_json) : rule.Name] == ["RateLimit", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"] && jsondecode(aws_wafv2_web_acl.this[0].rule_json)[0].Statement.RateBasedStatement.Limit == 500
    error_message = "The web ACL limits requests first."
  }
  assert {
    condition     = length(distinct([for rule in jsondecode(aws_wafv2_web_acl.this[0].rule_json) : rule.Priority])) == 4
    error_message = "WAF refuses two rules with one priority."
  }
  assert {
    condition     = startswith(aws_cloudwatch_log_group.waf[0].name, "aws-waf-logs-") && aws_wafv2_web_acl_logging_configuration.this[0].log_destination_configs == toset([aws_cloudwatch_log_group.waf[0].arn])
    error_message = "WAF writes its log."
  }
  assert {
    condition = (
      jsondecode(aws_s3_bucket_policy.logs[0].policy).Statement[0].Principal.Service == "logdelivery.elasticloadbalancing.amazonaws.com" &&
      jsondecode(aws_s3_bucket_policy.logs[0].policy).Statement[0].Condition.StringEquals == { "aws:SourceAccount" = "123456789012" } &&
      jsondecode(aws_s3_bucket_policy.logs[0].policy).Statement[1].Effect == "Deny" &&
      one(one(aws_s3_bucket_server_side_encryption_configuration.logs[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" &&
      aws_s3_bucket_public_access_block.logs[0].restrict_public_buckets
    )
    error_message = "Only load balancers of this account write to the bucket."
  }
}

run "certificate_is_proved_in_the_zone" {
  variables {
    certificate_arn = null
    zone_id         = "Z123"
  }
  assert {
    condition     = aws_route53_record.proof[0].name == "_a.demo.example.org." && aws_route53_record.proof[0].zone_id == "Z123" && aws_acm_certificate.this[0].validation_method == "DNS" && length(aws_acm_certificate_validation.this) == 1
    error_message = "The certificate is proved by DNS."
  }
  assert {
    condition     = output.certificate_arn == "arn:aws:acm:eu-central-1:123456789012:certificate/made"
    error_message = "The load balancer has the certificate."
  }
}

run "two_certificates_are_refused" {
  command = plan
  variables {
    zone_id = "Z123"
  }
  expect_failures = [var.certificate_arn]
}

run "empty_ranges_are_refused" {
  command = plan
  variables {
    source_ranges = []
  }
  expect_failures = [var.source_ranges]
}
