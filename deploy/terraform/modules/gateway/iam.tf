locals {
  elb       = "arn:${local.partition}:elasticloadbalancing:*:*"
  balancers = ["${local.elb}:targetgroup/*/*", "${local.elb}:loadbalancer/net/*/*", "${local.elb}:loadbalancer/app/*/*"]
  listeners = ["${local.elb}:listener/net/*/*/*", "${local.elb}:listener/app/*/*/*", "${local.elb}:listener-rule/net/*/*/*", "${local.elb}:listener-rule/app/*/*/*"]
  groups    = ["arn:${local.partition}:ec2:*:*:security-group/*"]

  # The controller marks with this tag what it makes, and may change only what has it.
  tagged        = { Null = { "aws:ResourceTag/elbv2.k8s.aws/cluster" = "false" } }
  with_tag      = { Null = { "aws:RequestTag/elbv2.k8s.aws/cluster" = "false" } }
  other_tags    = { Null = { "aws:RequestTag/elbv2.k8s.aws/cluster" = "true", "aws:ResourceTag/elbv2.k8s.aws/cluster" = "false" } }
  created_group = { StringEquals = { "ec2:CreateAction" = "CreateSecurityGroup" } }
  created_elb   = { StringEquals = { "elasticloadbalancing:CreateAction" = ["CreateTargetGroup", "CreateLoadBalancer"] } }

  lbc_statements = [
    {
      Sid      = "ServiceLinkedRole"
      Action   = ["iam:CreateServiceLinkedRole"]
      Resource = ["*"]
      Condition = {
        StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" }
      }
    },
    {
      Sid = "ReadNetwork"
      Action = [
        "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones",
        "ec2:DescribeCoipPools", "ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeIpamPools",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs",
        "ec2:GetCoipPoolUsage", "ec2:GetSecurityGroupsForVpc", "ec2:ValidateSecurityGroupQuotasForInterface",
      ]
      Resource = ["*"]
    },
    {
      Sid = "ReadBalancers"
      Action = [for what in [
        "CapacityReservation", "ListenerAttributes", "ListenerCertificates", "Listeners", "LoadBalancerAttributes",
        "LoadBalancers", "Rules", "SSLPolicies", "Tags", "TargetGroupAttributes", "TargetGroups", "TargetHealth",
        "TrustStores",
      ] : "elasticloadbalancing:Describe${what}"]
      Resource = ["*"]
    },
    {
      Sid = "Integrations"
      Action = [
        "acm:DescribeCertificate", "acm:ListCertificates", "cognito-idp:DescribeUserPoolClient",
        "iam:GetServerCertificate", "iam:ListServerCertificates",
        "shield:CreateProtection", "shield:DeleteProtection", "shield:DescribeProtection", "shield:GetSubscriptionState",
        "waf-regional:AssociateWebACL", "waf-regional:DisassociateWebACL", "waf-regional:GetWebACL", "waf-regional:GetWebACLForResource",
        "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACL", "wafv2:GetWebACLForResource", "wafv2:ListWebACLs",
      ]
      Resource = ["*"]
    },
    { Sid = "GroupRules", Action = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"], Resource = ["*"] },
    { Sid = "CreateGroups", Action = ["ec2:CreateSecurityGroup"], Resource = ["*"] },
    { Sid = "TagNewGroups", Action = ["ec2:CreateTags"], Resource = local.groups, Condition = merge(local.created_group, local.with_tag) },
    { Sid = "TagOwnGroups", Action = ["ec2:CreateTags", "ec2:DeleteTags"], Resource = local.groups, Condition = local.other_tags },
    {
      Sid       = "ChangeOwnGroups"
      Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupIngress"]
      Resource  = ["*"]
      Condition = local.tagged
    },
    {
      Sid       = "CreateBalancers"
      Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
      Resource  = ["*"]
      Condition = local.with_tag
    },
    {
      Sid       = "TagNewBalancers"
      Action    = ["elasticloadbalancing:AddTags"]
      Resource  = local.balancers
      Condition = merge(local.created_elb, local.with_tag)
    },
    {
      Sid       = "TagOwnBalancers"
      Action    = ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"]
      Resource  = local.balancers
      Condition = local.other_tags
    },
    {
      Sid = "ChangeOwnBalancers"
      Action = [for what in [
        "DeleteLoadBalancer", "DeleteTargetGroup", "ModifyCapacityReservation", "ModifyIpPools", "ModifyListenerAttributes",
        "ModifyLoadBalancerAttributes", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "SetIpAddressType",
        "SetSecurityGroups", "SetSubnets",
      ] : "elasticloadbalancing:${what}"]
      Resource  = ["*"]
      Condition = local.tagged
    },
    # Listeners and rules have no tag of the cluster when they are made.
    {
      Sid = "Listeners"
      Action = [for what in [
        "AddListenerCertificates", "CreateListener", "CreateRule", "DeleteListener", "DeleteRule", "ModifyListener",
        "ModifyRule", "RemoveListenerCertificates", "SetRulePriorities", "SetWebAcl",
      ] : "elasticloadbalancing:${what}"]
      Resource = ["*"]
    },
    { Sid = "TagListeners", Action = ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"], Resource = local.listeners },
    {
      Sid      = "Targets"
      Action   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
      Resource = ["${local.elb}:targetgroup/*/*"]
    },
  ]
}

resource "aws_iam_role" "lbc" {
  count = local.lbc ? 1 : 0

  name = "${var.name}-load-balancer-controller"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = local.account
          "aws:RequestTag/kubernetes-namespace"       = local.lbc_namespace
          "aws:RequestTag/kubernetes-service-account" = local.lbc_account_name
        }
        ArnEquals = { "aws:SourceArn" = var.cluster_arn }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "lbc" {
  count = local.lbc ? 1 : 0

  name = "load-balancers"
  role = aws_iam_role.lbc[0].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.lbc_statements : merge({ Effect = "Allow" }, statement)]
  })
}

resource "aws_eks_pod_identity_association" "lbc" {
  count = local.lbc ? 1 : 0

  cluster_name    = var.cluster_name
  namespace       = local.lbc_namespace
  service_account = local.lbc_account_name
  role_arn        = aws_iam_role.lbc[0].arn
  tags            = var.tags
}
