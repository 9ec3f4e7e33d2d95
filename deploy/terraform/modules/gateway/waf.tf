locals {
  metrics = { SampledRequestsEnabled = true, CloudWatchMetricsEnabled = true }

  managed_rules = [
    for number, group in ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"] : {
      Name             = group
      Priority         = number + 1
      Statement        = { ManagedRuleGroupStatement = { VendorName = "AWS", Name = group } }
      OverrideAction   = { None = {} }
      VisibilityConfig = merge(local.metrics, { MetricName = group })
    }
  ]
  rate_rules = var.waf == null ? [] : [{
    Name             = "RateLimit"
    Priority         = 0
    Statement        = { RateBasedStatement = { Limit = var.waf.rate_limit, AggregateKeyType = "IP", EvaluationWindowSec = 300 } }
    Action           = { Block = {} }
    VisibilityConfig = merge(local.metrics, { MetricName = "RateLimit" })
  }]
}

resource "aws_wafv2_web_acl" "this" {
  # checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet is in rule_json, which checkov does not read.
  # checkov:skip=CKV_AWS_175:The rules are in rule_json, which checkov does not read.
  count = var.waf == null ? 0 : 1

  name        = var.name
  description = "Public load balancer of ${var.cluster_name}"
  scope       = "REGIONAL"
  rule_json   = jsonencode(concat(local.rate_rules, local.managed_rules))

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }

  tags = var.tags
}

# WAF accepts only groups whose name starts like this.
resource "aws_cloudwatch_log_group" "waf" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts the group with a key of its own. The log has no secret.
  count = var.waf == null ? 0 : 1

  name              = "aws-waf-logs-${var.name}"
  retention_in_days = 365
  tags              = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.waf == null ? 0 : 1

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]
}
