data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57:Rotation needs a function for each kind of secret. Owners add it and name the secret in rotated.
  for_each = var.names

  name                    = "${var.prefix}/${each.key}"
  description             = "Values of ${each.key}, delivered by ExternalSecrets"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_in_days
  tags                    = var.tags

  dynamic "replica" {
    for_each = var.replica_regions

    content {
      region = replica.key
    }
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.names

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = jsonencode(var.values[each.key])
  secret_string_wo_version = lookup(var.revisions, each.key, 1)

  lifecycle {
    precondition {
      condition     = !contains(var.rotated, each.key) || lookup(var.revisions, each.key, 1) == 1
      error_message = "AWS rotates ${each.key}: a new revision would put the old value back. Change the value in Secrets Manager, or take the name out of rotated."
    }
  }
}

resource "aws_secretsmanager_secret_policy" "this" {
  for_each = var.names

  secret_arn          = aws_secretsmanager_secret.this[each.key].arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyReadersAndOwnersRead"
        Effect    = "Deny"
        Principal = "*"
        Action    = "secretsmanager:GetSecretValue"
        Resource  = "*"
        Condition = {
          ArnNotEquals = {
            "aws:PrincipalArn" = sort(setunion(var.reader_arns, var.owner_arns, [local.root]))
          }
        }
      },
      {
        Sid       = "OnlyOwnersWrite"
        Effect    = "Deny"
        Principal = "*"
        Action = [
          "secretsmanager:CancelRotateSecret",
          "secretsmanager:DeleteSecret",
          "secretsmanager:PutSecretValue",
          "secretsmanager:RestoreSecret",
          "secretsmanager:RotateSecret",
          "secretsmanager:UpdateSecret",
          "secretsmanager:UpdateSecretVersionStage",
        ]
        Resource = "*"
        Condition = {
          ArnNotEquals = {
            "aws:PrincipalArn" = sort(setunion(var.owner_arns, [local.root]))
          }
        }
      },
    ]
  })
}

locals {
  # The last way in, if the roles are deleted.
  root = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"
}
