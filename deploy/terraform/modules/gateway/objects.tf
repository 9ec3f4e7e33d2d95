locals {
  certificate_arn = var.certificate_arn != null ? var.certificate_arn : one(aws_acm_certificate.this[*].arn)
  class_name      = local.lbc ? "aws-alb" : "eks-auto-alb"
  api             = "gateway.networking.k8s.io"
  settings_api    = "gateway.k8s.aws"

  # A TargetGroupConfiguration without a reference is the default of all target groups of the class.
  default_targets = {
    apiVersion = "${local.settings_api}/v1"
    kind       = "TargetGroupConfiguration"
    metadata   = { name = "defaults", namespace = var.namespace }
    spec = {
      defaultConfiguration = {
        # Targets are Pods. With `instance`, a Service of type ClusterIP would have no targets.
        targetType = "ip"
        healthCheckConfig = {
          healthCheckPath         = var.health_check_path
          healthCheckProtocol     = "HTTP"
          healthCheckInterval     = 10
          healthCheckTimeout      = 3
          healthyThresholdCount   = 2
          unhealthyThresholdCount = 2
          matcher                 = { httpCode = "200" }
        }
        # Less than the 30 seconds that a Pod has to stop.
        targetGroupAttributes = [{ key = "deregistration_delay.timeout_seconds", value = "20" }]
      }
    }
  }

  # The defaults of every Gateway of the class. A Gateway overrides it, and only the public one is public.
  class_settings = {
    apiVersion = "${local.settings_api}/v1"
    kind       = "LoadBalancerConfiguration"
    metadata   = { name = "defaults", namespace = var.namespace }
    spec = {
      mergingMode                     = "prefer-gateway"
      scheme                          = "internal"
      defaultTargetGroupConfiguration = { name = "defaults" }
      loadBalancerAttributes          = [{ key = "routing.http.drop_invalid_header_fields.enabled", value = "true" }]
    }
  }

  public_settings = {
    apiVersion = "${local.settings_api}/v1"
    kind       = "LoadBalancerConfiguration"
    metadata   = { name = "public", namespace = var.namespace }
    spec = merge(
      {
        scheme        = "internet-facing"
        ipAddressType = "ipv4"
        sourceRanges  = var.source_ranges
        listenerConfigurations = [{
          protocolPort       = "HTTPS:443"
          defaultCertificate = local.certificate_arn
          sslPolicy          = var.ssl_policy
        }]
        loadBalancerAttributes = concat(
          [
            { key = "deletion_protection.enabled", value = tostring(var.deletion_protection) },
            { key = "idle_timeout.timeout_seconds", value = tostring(var.idle_timeout) },
            { key = "routing.http.drop_invalid_header_fields.enabled", value = "true" },
            { key = "access_logs.s3.enabled", value = tostring(var.access_log_days > 0) },
          ],
          var.access_log_days > 0 ? [
            { key = "access_logs.s3.bucket", value = aws_s3_bucket.logs[0].bucket },
            { key = "access_logs.s3.prefix", value = "public" },
          ] : [],
        )
        tags = var.tags
      },
      var.waf == null ? {} : { wafV2 = { webACL = aws_wafv2_web_acl.this[0].arn } },
    )
  }

  class = {
    apiVersion = "${local.api}/v1"
    kind       = "GatewayClass"
    metadata   = { name = local.class_name }
    spec = merge(
      { controllerName = local.lbc ? "gateway.k8s.aws/alb" : "eks.amazonaws.com/gateway-alb" },
      local.lbc ? { parametersRef = { group = local.settings_api, kind = "LoadBalancerConfiguration", name = "defaults", namespace = var.namespace } } : {},
    )
  }

  # Routes of apps attach to `https` only: `http` accepts routes of this namespace, where the redirect is.
  gateway = {
    apiVersion = "${local.api}/v1"
    kind       = "Gateway"
    metadata   = { name = "public", namespace = var.namespace }
    spec = merge(
      {
        gatewayClassName = local.class_name
        listeners = [
          {
            name          = "http"
            port          = 80
            protocol      = "HTTP"
            allowedRoutes = { namespaces = { from = "Same" } }
          },
          {
            name          = "https"
            port          = 443
            protocol      = "HTTPS"
            hostname      = var.hostname
            allowedRoutes = { namespaces = { from = "Selector", selector = { matchLabels = { gateway-access = "public" } } } }
          },
        ]
      },
      local.lbc ? { infrastructure = { parametersRef = { group = local.settings_api, kind = "LoadBalancerConfiguration", name = "public" } } } : {},
    )
  }

  redirect = {
    apiVersion = "${local.api}/v1"
    kind       = "HTTPRoute"
    metadata   = { name = "to-https", namespace = var.namespace }
    spec = {
      parentRefs = [{ name = "public", sectionName = "http" }]
      rules      = [{ filters = [{ type = "RequestRedirect", requestRedirect = { scheme = "https", port = 443, statusCode = 301 } }] }]
    }
  }

  objects = concat(
    [for settings in [local.default_targets, local.class_settings, local.public_settings] : settings if local.lbc],
    [local.class, local.gateway, local.redirect],
  )
}
