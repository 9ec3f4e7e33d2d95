mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/changes" }
  }

  override_resource {
    target = aws_sqs_queue.this
    values = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:changes"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/changes"
    }
  }
  override_resource {
    target = aws_sqs_queue.dead
    values = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:changes-dead"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/changes-dead"
    }
  }
}

variables {
  name                 = "changes"
  secret_name_prefixes = ["demo/dev/"]
}

run "rule_matches_the_native_event_of_the_secrets" {
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.this["secrets"].event_pattern) == {
      account     = ["123456789012"]
      detail      = { labelUpdated = [{ anything-but = ["AWSPENDING", "AWSPREVIOUS"] }] }
      detail-type = ["Secret Label Updated"]
      resources   = [{ prefix = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo/dev/" }]
      source      = ["aws.secretsmanager"]
    }
    error_message = "The rule must match label changes of our secrets in our account, and nothing else."
  }
  assert {
    condition     = keys(aws_cloudwatch_event_rule.this) == ["secrets"]
    error_message = "Without parameters and deletions, there is one rule."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["secrets"].arn == aws_sqs_queue.this.arn
    error_message = "The rule sends to the queue."
  }
  assert {
    condition     = aws_cloudwatch_event_target.this["secrets"].dead_letter_config[0].arn == aws_sqs_queue.dead.arn
    error_message = "Undelivered events reach the dead-letter queue."
  }
}

run "parameters_and_deletions_have_rules" {
  variables {
    parameter_name_prefixes = ["/demo/dev/"]
    deletions               = true
  }

  assert {
    condition     = keys(aws_cloudwatch_event_rule.this) == ["deletions", "parameters", "secrets"]
    error_message = "Each kind of event has a rule."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["parameters"].event_pattern).resources == [{ prefix = "arn:aws:ssm:eu-central-1:123456789012:parameter/demo/dev/" }]
    error_message = "The rule must match our parameters only."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["deletions"].event_pattern).detail.eventName == ["DeleteSecret", "RestoreSecret"]
    error_message = "The rule must match deletion and restoration only."
  }
  assert {
    condition     = length(distinct([for rule in aws_cloudwatch_event_rule.this : rule.name])) == 3
    error_message = "Each rule has a name of its own."
  }
}

run "only_the_rule_sends" {
  assert {
    condition = alltrue([
      for policy in aws_sqs_queue_policy.this : jsondecode(policy.policy).Statement[0] == {
        Sid       = "OnlyTheRulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = jsondecode(policy.policy).Statement[0].Resource
        Condition = {
          ArnEquals    = { "aws:SourceArn" = ["arn:aws:events:eu-central-1:123456789012:rule/changes"] }
          StringEquals = { "aws:SourceAccount" = "123456789012" }
        }
      }
    ])
    error_message = "Only the rule may send, to either queue."
  }
  assert {
    condition = alltrue([
      for policy in aws_sqs_queue_policy.this : [
        for statement in jsondecode(policy.policy).Statement : statement.Sid if statement.Effect == "Allow"
      ] == ["OnlyTheRulesSend"]
    ])
    error_message = "No other statement may allow anything."
  }
  assert {
    condition = alltrue([
      for policy in aws_sqs_queue_policy.this : jsondecode(policy.policy).Statement[1].Condition.Bool["aws:SecureTransport"] == "false"
    ])
    error_message = "Requests without TLS are denied."
  }
  assert {
    condition = { for name, policy in aws_sqs_queue_policy.this : name => jsondecode(policy.policy).Statement[*].Resource } == {
      dead = ["arn:aws:sqs:eu-central-1:123456789012:changes-dead", "arn:aws:sqs:eu-central-1:123456789012:changes-dead"]
      this = ["arn:aws:sqs:eu-central-1:123456789012:changes", "arn:aws:sqs:eu-central-1:123456789012:changes"]
    }
    error_message = "Each queue has a policy of its own."
  }
}

run "queues_are_encrypted_and_bounded" {
  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead.sqs_managed_sse_enabled
    error_message = "Both queues are encrypted by default."
  }
  assert {
    condition     = aws_sqs_queue.this.receive_wait_time_seconds == 20 && aws_sqs_queue.this.visibility_timeout_seconds == 60
    error_message = "The controller polls for 20 seconds and handles a message within 60."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:123456789012:changes-dead", maxReceiveCount = 5 }
    error_message = "Messages that are no events reach the dead-letter queue."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-central-1:123456789012:changes"] }
    error_message = "Only our queue may use the dead-letter queue."
  }
}

run "key_of_ones_own_replaces_that_of_sqs" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/k"
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this, aws_sqs_queue.dead] : queue.kms_master_key_id == var.kms_key_arn])
    error_message = "Both queues use the key."
  }
}

run "dead_letters_raise_an_alarm" {
  variables {
    alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:alarms"]
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.dead.dimensions == tomap({ QueueName = "changes-dead" })
    error_message = "The alarm watches the dead-letter queue."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.dead.threshold == 0 && aws_cloudwatch_metric_alarm.dead.comparison_operator == "GreaterThanThreshold"
    error_message = "The first message raises the alarm."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.dead.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:alarms"])
    error_message = "The topic receives the alarm."
  }
}

run "prefix_without_slash_is_refused" {
  command = plan

  variables {
    secret_name_prefixes = ["demo/dev"]
  }

  expect_failures = [var.secret_name_prefixes]
}

run "relative_parameter_prefix_is_refused" {
  command = plan

  variables {
    parameter_name_prefixes = ["demo/dev/"]
  }

  expect_failures = [var.parameter_name_prefixes]
}

run "alias_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/changes"
  }

  expect_failures = [var.kms_key_arn]
}
