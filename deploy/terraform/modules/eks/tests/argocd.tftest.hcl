mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}
mock_provider "time" {}

variables {
  name                     = "demo"
  kubernetes_version       = "1.35"
  control_plane_subnet_ids = ["subnet-1", "subnet-2"]
  node_subnet_ids          = ["subnet-3", "subnet-4"]
  access                   = { admins = { principal_arn = "arn:aws:iam::123456789012:role/admins" } }
  nodes                    = { arm = { instance_types = ["m7g.large"], min_size = 1, max_size = 2 } }
}

run "off_by_default" {
  assert {
    condition     = length(aws_eks_capability.argocd) + length(aws_iam_role.argocd) + length(aws_eks_access_policy_association.argocd) == 0
    error_message = "The managed Argo CD is a choice."
  }
}

run "argocd_knows_the_groups_of_identity_center" {
  variables {
    argocd = { identity_center_arn = "arn:aws:sso:::instance/ssoins-0123456789abcdef", admins = ["group-a"], viewers = ["group-b", "group-c"] }
  }
  assert {
    condition     = aws_eks_capability.argocd[0].type == "ARGOCD" && aws_eks_capability.argocd[0].delete_propagation_policy == "RETAIN"
    error_message = "EKS accepts no other values."
  }
  assert {
    condition = (
      aws_eks_capability.argocd[0].configuration[0].argo_cd[0].aws_idc[0].idc_instance_arn == "arn:aws:sso:::instance/ssoins-0123456789abcdef" &&
      aws_eks_capability.argocd[0].configuration[0].argo_cd[0].aws_idc[0].idc_region == "eu-central-1"
    )
    error_message = "Identity Center is in the region of the cluster unless another is given."
  }
  assert {
    condition = { for mapping in aws_eks_capability.argocd[0].configuration[0].argo_cd[0].rbac_role_mapping : mapping.role => toset([for identity in mapping.identity : "${identity.type}:${identity.id}"]) } == {
      ADMIN  = toset(["SSO_GROUP:group-a"])
      VIEWER = toset(["SSO_GROUP:group-b", "SSO_GROUP:group-c"])
    }
    error_message = "Each role has its groups, and a role without groups is left out."
  }
  assert {
    condition     = jsondecode(aws_iam_role.argocd[0].assume_role_policy).Statement[0].Principal.Service == "capabilities.eks.amazonaws.com" && aws_eks_capability.argocd[0].role_arn == aws_iam_role.argocd[0].arn
    error_message = "EKS uses the role for the capability."
  }
  assert {
    condition     = aws_eks_access_policy_association.argocd[0].principal_arn == aws_iam_role.argocd[0].arn && time_sleep.argocd_role[0].create_duration == "20s"
    error_message = "Argo CD deploys into the cluster only with a policy of its own."
  }
}

run "argocd_without_identity_center_is_refused" {
  command = plan
  variables {
    argocd = { admins = ["group-a"] }
  }
  expect_failures = [var.argocd]
}

run "argocd_without_administrators_is_refused" {
  command = plan
  variables {
    argocd = { identity_center_arn = "arn:aws:sso:::instance/ssoins-0123456789abcdef" }
  }
  expect_failures = [var.argocd]
}
