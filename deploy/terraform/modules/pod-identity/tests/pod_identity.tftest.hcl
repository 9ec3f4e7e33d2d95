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
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mtk-controller" }
  }
}

variables {
  name                 = "mtk-controller"
  cluster_name         = "demo"
  cluster_arn          = "arn:aws:eks:eu-central-1:123456789012:cluster/demo"
  namespace            = "kube-system"
  service_account      = "mtk-controller"
  secret_name_prefixes = ["demo/"]
}

run "policy_has_only_reads_by_default" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role_policy.this["secrets"].policy).Statement[*].Sid == ["ReadSecrets", "ReadSecretsInBatches"]
    error_message = "Nothing but reads may be allowed by default."
  }
  assert {
    condition     = keys(aws_iam_role_policy.this) == ["secrets"]
    error_message = "The role has no other policy."
  }
}

run "each_input_adds_its_statement" {
  command = plan

  variables {
    secret_name_prefixes    = []
    list_secrets            = true
    parameter_name_prefixes = ["/demo/"]
    queue_arns              = ["arn:aws:sqs:eu-central-1:123456789012:secret-changes"]
    queue_kms_key_arns      = ["arn:aws:kms:eu-central-1:123456789012:key/QUEUE"]
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this["secrets"].policy).Statement[*].Sid == [
      "FindSecretsAndTheirVersions", "ReadParameters", "ReceiveEvents", "DecryptEvents",
    ]
    error_message = "Each input has one statement, and the others are left out."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["secrets"].policy).Statement :
      statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "DecryptEvents"
    ] == [["sqs.eu-central-1.amazonaws.com"]]
    error_message = "The key of the queue is used by SQS only."
  }
}

run "policy_with_everything_is_the_documented_one" {
  command = plan

  variables {
    list_secrets            = true
    parameter_name_prefixes = ["/demo/"]
    list_parameters         = true
    kms_key_arns            = ["arn:aws:kms:eu-central-1:123456789012:key/KEY"]
    queue_arns              = ["arn:aws:sqs:eu-central-1:123456789012:secret-changes"]
    store_role_arns         = ["arn:aws:iam::123456789012:role/demo-secrets"]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["secrets"].policy).Statement : jsonencode(statement)
      ] == [
      for statement in jsondecode(replace(replace(file("../../../aws/iam-policy.json"), "REGION", "eu-central-1"), "ACCOUNT", "123456789012")).Statement :
      jsonencode(merge(statement, { Action = flatten([statement.Action]), Resource = flatten([statement.Resource]) }))
    ]
    error_message = "The policy must equal deploy/aws/iam-policy.json, statement by statement."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["secrets"].policy).Statement : statement.Sid if contains(statement.Resource, "*")
    ] == ["ReadSecretsInBatches", "FindSecretsAndTheirVersions", "FindParametersAndTheirVersions"]
    error_message = "Only actions without resources may have all of them."
  }
}

run "trust_names_cluster_account_namespace_and_service_account" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Action = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = "arn:aws:eks:eu-central-1:123456789012:cluster/demo" }
        StringEquals = {
          "aws:RequestTag/kubernetes-namespace"       = "kube-system"
          "aws:RequestTag/kubernetes-service-account" = "mtk-controller"
          "aws:SourceAccount"                         = "123456789012"
        }
      }
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Sid       = "OnlyThisServiceAccount"
    }]
    error_message = "Only Pods of this ServiceAccount in this cluster may take the role."
  }
  assert {
    condition     = aws_eks_pod_identity_association.this.namespace == "kube-system" && aws_eks_pod_identity_association.this.service_account == "mtk-controller"
    error_message = "The association names the ServiceAccount."
  }
}

run "role_of_another_program_has_only_its_policy" {
  command = plan

  variables {
    secret_name_prefixes = []
    policies             = { load-balancers = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  assert {
    condition     = keys(aws_iam_role_policy.this) == ["load-balancers"]
    error_message = "The role has the given policy and no other."
  }
}

run "prefix_without_slash_is_refused" {
  command = plan

  variables {
    secret_name_prefixes = ["demo"]
  }

  expect_failures = [var.secret_name_prefixes]
}

run "pattern_of_roles_is_refused" {
  command = plan

  variables {
    store_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.store_role_arns]
}

run "alias_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arns = ["arn:aws:kms:eu-central-1:123456789012:alias/demo"]
  }

  expect_failures = [var.kms_key_arns]
}
