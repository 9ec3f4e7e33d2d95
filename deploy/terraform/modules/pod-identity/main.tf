data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.region
  arn     = "arn:${data.aws_partition.current.partition}"
  scope   = "${local.region}:${local.account}"

  # Each statement and its resources. A statement without resources is left out.
  statements = [
    {
      Sid      = "ReadSecrets"
      Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      Resource = [for prefix in var.secret_name_prefixes : "${local.arn}:secretsmanager:${local.scope}:secret:${prefix}*"]
    },
    {
      # The action has no resources. Each secret of a batch needs the statement above.
      Sid      = "ReadSecretsInBatches"
      Action   = ["secretsmanager:BatchGetSecretValue"]
      Resource = length(var.secret_name_prefixes) > 0 ? ["*"] : []
    },
    {
      Sid      = "FindSecretsAndTheirVersions"
      Action   = ["secretsmanager:ListSecrets"]
      Resource = var.list_secrets ? ["*"] : []
    },
    {
      Sid      = "ReadParameters"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:ListTagsForResource"]
      Resource = [for prefix in var.parameter_name_prefixes : "${local.arn}:ssm:${local.scope}:parameter${prefix}*"]
    },
    {
      Sid      = "FindParametersAndTheirVersions"
      Action   = ["ssm:DescribeParameters"]
      Resource = var.list_parameters ? ["*"] : []
    },
    {
      Sid       = "DecryptWithAKeyOfYourOwn"
      Action    = ["kms:Decrypt"]
      Resource  = var.kms_key_arns
      Condition = { StringEquals = { "kms:ViaService" = ["secretsmanager.${local.region}.amazonaws.com", "ssm.${local.region}.amazonaws.com"] } }
    },
    {
      Sid      = "ReceiveEvents"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
      Resource = var.queue_arns
    },
    {
      Sid       = "DecryptEvents"
      Action    = ["kms:Decrypt"]
      Resource  = var.queue_kms_key_arns
      Condition = { StringEquals = { "kms:ViaService" = ["sqs.${local.region}.amazonaws.com"] } }
    },
    {
      Sid      = "AssumeTheRolesOfStores"
      Action   = ["sts:AssumeRole", "sts:TagSession"]
      Resource = var.store_role_arns
    },
  ]

  allowed = [
    for statement in local.statements : merge(
      { Sid = statement.Sid, Effect = "Allow", Action = statement.Action, Resource = sort(statement.Resource) },
      try({ Condition = statement.Condition }, {}),
    ) if length(statement.Resource) > 0
  ]

  policies = merge(
    length(local.allowed) == 0 ? {} : { secrets = jsonencode({ Version = "2012-10-17", Statement = local.allowed }) },
    var.policies,
  )
}

resource "aws_iam_role" "this" {
  name        = var.name
  description = "Pods of ${var.namespace}/${var.service_account} in the cluster ${var.cluster_name}"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisServiceAccount"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = var.cluster_arn }
        StringEquals = {
          "aws:SourceAccount"                         = local.account
          "aws:RequestTag/kubernetes-namespace"       = var.namespace
          "aws:RequestTag/kubernetes-service-account" = var.service_account
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.policies

  name   = each.key
  role   = aws_iam_role.this.name
  policy = each.value
}

resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
  tags            = var.tags

  # A Pod that starts before the permissions exist would log errors until they do.
  depends_on = [aws_iam_role_policy.this]
}
