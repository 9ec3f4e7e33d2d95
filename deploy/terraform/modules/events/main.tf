data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  scope   = "${data.aws_region.current.region}:${local.account}"
  arn     = "arn:${data.aws_partition.current.partition}"

  patterns = merge(
    {
      secrets = {
        source      = ["aws.secretsmanager"]
        detail-type = ["Secret Label Updated"]
        account     = [local.account]
        resources   = [for prefix in var.secret_name_prefixes : { prefix = "${local.arn}:secretsmanager:${local.scope}:secret:${prefix}" }]
        # Nobody reads a version before it is current, nor the one before.
        detail = { labelUpdated = [{ anything-but = ["AWSPENDING", "AWSPREVIOUS"] }] }
      }
    },
    length(var.parameter_name_prefixes) == 0 ? {} : {
      parameters = {
        source      = ["aws.ssm"]
        detail-type = ["Parameter Store Change"]
        account     = [local.account]
        resources   = [for prefix in var.parameter_name_prefixes : { prefix = "${local.arn}:ssm:${local.scope}:parameter${prefix}" }]
      }
    },
    # Events of CloudTrail name no resources, so the rule cannot choose secrets. The controller ignores the others.
    var.deletions ? {
      deletions = {
        source      = ["aws.secretsmanager"]
        detail-type = ["AWS API Call via CloudTrail"]
        account     = [local.account]
        detail      = { eventName = ["DeleteSecret", "RestoreSecret"] }
      }
    } : {},
  )
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.patterns

  name          = each.key == "secrets" ? var.name : "${var.name}-${substr(each.key, 0, 4)}"
  description   = "Announces changes to the queue ${var.name}: ${each.key}"
  event_pattern = jsonencode(each.value)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = aws_cloudwatch_event_rule.this

  rule = each.value.name
  arn  = aws_sqs_queue.this.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }

  retry_policy {
    # Older news is worthless: the controller reads each value again at its interval.
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 60
  }
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 60
  message_retention_seconds  = 3600
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 5 })
  tags                       = var.tags
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url            = aws_sqs_queue.dead.url
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.this.arn] })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = { this = aws_sqs_queue.this, dead = aws_sqs_queue.dead }

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTheRulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.this : rule.arn] }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      {
        Sid       = "OnlyWithTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.name}-dead"
  alarm_description   = "The controller could not handle messages of the queue ${var.name}, or EventBridge could not deliver them."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
