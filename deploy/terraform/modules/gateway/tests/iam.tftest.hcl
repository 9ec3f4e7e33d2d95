mock_provider "aws" {
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
mock_provider "kubernetes" {}

variables {
  name            = "demo"
  cluster_name    = "demo"
  cluster_arn     = "arn:aws:eks:eu-central-1:123456789012:cluster/demo"
  vpc_id          = "vpc-1"
  installed_by    = "gitops"
  hostname        = "*.demo.example.org"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/a1b2"
  source_ranges   = ["192.0.2.0/24"]
}

# Each line of the file is an action, a resource and a condition. README.md has the command that makes such lines
# from the policy of a release.
run "rights_are_those_of_the_release" {
  assert {
    condition = join("\n", sort(flatten([for statement in jsondecode(aws_iam_role_policy.lbc[0].policy).Statement : [
      for pair in setproduct(statement.Action, statement.Resource) : "${pair[0]} ${pair[1]} ${jsonencode(try(statement.Condition, {}))}"
    ]]))) == trimspace(file("tests/lbc-3.7.txt"))
    error_message = "The rights differ from those of release 3.7. The file tests/lbc-3.7.txt has them."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.lbc[0].policy).Statement : statement.Effect == "Allow"])
    error_message = "The policy only allows."
  }
}

run "load_balancers_of_others_cannot_be_changed" {
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.lbc[0].policy).Statement :
      can(statement.Condition["Null"]["aws:ResourceTag/elbv2.k8s.aws/cluster"]) || can(statement.Condition["Null"]["aws:RequestTag/elbv2.k8s.aws/cluster"])
      if length(setintersection(statement.Action, [for what in [
        "CreateLoadBalancer", "CreateTargetGroup", "DeleteLoadBalancer", "DeleteTargetGroup", "ModifyCapacityReservation",
        "ModifyIpPools", "ModifyListenerAttributes", "ModifyLoadBalancerAttributes", "ModifyTargetGroup",
        "ModifyTargetGroupAttributes", "SetIpAddressType", "SetSecurityGroups", "SetSubnets",
      ] : "elasticloadbalancing:${what}"])) > 0
    ])
    error_message = "Each change of a load balancer has to have the tag of the cluster as its condition."
  }
}

run "only_the_controller_may_use_the_role" {
  assert {
    condition = jsondecode(aws_iam_role.lbc[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = "123456789012"
          "aws:RequestTag/kubernetes-namespace"       = "kube-system"
          "aws:RequestTag/kubernetes-service-account" = "aws-load-balancer-controller"
        }
        ArnEquals = { "aws:SourceArn" = "arn:aws:eks:eu-central-1:123456789012:cluster/demo" }
      }
    }]
    error_message = "The role is for one ServiceAccount of one cluster."
  }
  assert {
    condition     = aws_eks_pod_identity_association.lbc[0].namespace == "kube-system" && aws_eks_pod_identity_association.lbc[0].service_account == "aws-load-balancer-controller" && aws_eks_pod_identity_association.lbc[0].role_arn == aws_iam_role.lbc[0].arn
    error_message = "The association belongs to the controller."
  }
}

run "other_release_is_refused" {
  command = plan
  variables {
    controller_version = "3.8.0"
  }
  expect_failures = [var.controller_version]
}
