mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      id  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo/dev/app-AbCdEf"
      arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo/dev/app-AbCdEf"
    }
  }
}

variables {
  prefix = "demo/dev"
  names  = ["app", "database"]
  values = {
    app      = { SECRET_KEY = "first" }
    database = { DB_PASSWORD = "first" }
  }
  reader_arns = ["arn:aws:iam::123456789012:role/controller"]
  owner_arns  = ["arn:aws:iam::123456789012:role/terraform"]
}

run "values_are_written_and_not_kept" {
  command = plan

  assert {
    condition     = { for name, secret in aws_secretsmanager_secret.this : name => secret.name } == { app = "demo/dev/app", database = "demo/dev/database" }
    error_message = "The prefix comes before each name."
  }
  assert {
    condition     = alltrue([for version in aws_secretsmanager_secret_version.this : version.secret_string_wo == null && version.secret_string == null])
    error_message = "The state must not contain a value."
  }
  assert {
    condition     = output.names == { app = "demo/dev/app", database = "demo/dev/database" }
    error_message = "The full names are an output."
  }
}

run "revision_of_one_secret_is_raised" {
  command = plan

  variables {
    revisions = { app = 2 }
  }

  assert {
    condition     = { for name, version in aws_secretsmanager_secret_version.this : name => version.secret_string_wo_version } == { app = 2, database = 1 }
    error_message = "Each secret has a revision of its own."
  }
}

run "rotated_secret_refuses_a_new_revision" {
  command = plan

  variables {
    rotated   = ["app"]
    revisions = { app = 2 }
  }

  expect_failures = [aws_secretsmanager_secret_version.this["app"]]
}

run "rotated_secret_is_seeded_once" {
  command = plan

  variables {
    rotated   = ["app"]
    revisions = { database = 2 }
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this["app"].secret_string_wo_version == 1
    error_message = "Terraform writes the first value of a rotated secret."
  }
}

run "only_readers_and_owners_have_access" {
  command = plan

  assert {
    condition = alltrue([
      for policy in aws_secretsmanager_secret_policy.this : jsondecode(policy.policy).Statement[0] == {
        Sid       = "OnlyReadersAndOwnersRead"
        Effect    = "Deny"
        Principal = "*"
        Action    = "secretsmanager:GetSecretValue"
        Resource  = "*"
        Condition = {
          ArnNotEquals = {
            "aws:PrincipalArn" = [
              "arn:aws:iam::123456789012:role/controller",
              "arn:aws:iam::123456789012:role/terraform",
              "arn:aws:iam::123456789012:root",
            ]
          }
        }
      }
    ])
    error_message = "All but readers, owners and the root user must be denied."
  }
  assert {
    condition = alltrue([
      for policy in aws_secretsmanager_secret_policy.this : !contains(
        jsondecode(policy.policy).Statement[1].Condition.ArnNotEquals["aws:PrincipalArn"],
        "arn:aws:iam::123456789012:role/controller",
      )
    ])
    error_message = "Readers must not write."
  }
  assert {
    condition     = alltrue([for policy in aws_secretsmanager_secret_policy.this : policy.block_public_policy])
    error_message = "AWS must refuse public policies."
  }
}

run "copies_and_key_are_set" {
  command = plan

  variables {
    kms_key_arn             = "arn:aws:kms:eu-central-1:123456789012:key/k"
    replica_regions         = ["eu-west-1"]
    recovery_window_in_days = 0
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.kms_key_arn && secret.recovery_window_in_days == 0])
    error_message = "Each secret has the key and the window."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : one(secret.replica).region == "eu-west-1"])
    error_message = "Each secret has a copy."
  }
}

run "prefix_with_slash_is_refused" {
  command = plan

  variables {
    prefix = "demo/dev/"
  }

  expect_failures = [var.prefix]
}

run "revision_of_an_unknown_secret_is_refused" {
  command = plan

  variables {
    revisions = { ap = 2 }
  }

  expect_failures = [var.revisions]
}

run "window_of_three_days_is_refused" {
  command = plan

  variables {
    recovery_window_in_days = 3
  }

  expect_failures = [var.recovery_window_in_days]
}

run "secret_without_owner_is_refused" {
  command = plan

  variables {
    owner_arns = []
  }

  expect_failures = [var.owner_arns]
}
