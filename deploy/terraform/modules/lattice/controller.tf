locals {
  install              = var.installed_by == "terraform"
  controller_namespace = "aws-application-networking-system"
  controller_account   = "gateway-api-controller"

  # The rights that the controller's project recommends, which its own switches cannot narrow.
  controller_statements = [
    { Sid = "Lattice", Action = ["vpc-lattice:*"], Resource = ["*"] },
    {
      Sid      = "ReadNetwork"
      Action   = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcs"]
      Resource = ["*"]
    },
    {
      Sid = "DeliverLogs"
      Action = [
        "firehose:TagDeliveryStream", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery", "s3:GetBucketPolicy", "s3:PutBucketPolicy",
      ]
      Resource = ["*"]
    },
    { Sid = "Tags", Action = ["tag:GetResources", "tag:TagResources", "tag:UntagResources"], Resource = ["*"] },
    { Sid = "Certificates", Action = ["acm:ListCertificates"], Resource = ["*"] },
    {
      Sid       = "LatticeRole"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = ["arn:${local.partition}:iam::*:role/aws-service-role/vpc-lattice.amazonaws.com/AWSServiceRoleForVpcLattice"]
      Condition = { StringLike = { "iam:AWSServiceName" = "vpc-lattice.amazonaws.com" } }
    },
    {
      Sid       = "LogRole"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = ["arn:${local.partition}:iam::*:role/aws-service-role/delivery.logs.amazonaws.com/AWSServiceRoleForLogDelivery"]
      Condition = { StringLike = { "iam:AWSServiceName" = "delivery.logs.amazonaws.com" } }
    },
  ]
}

resource "aws_iam_role" "controller" {
  name = "${var.name}-lattice-controller"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = local.account
          "aws:RequestTag/kubernetes-namespace"       = local.controller_namespace
          "aws:RequestTag/kubernetes-service-account" = local.controller_account
        }
        ArnEquals = { "aws:SourceArn" = var.cluster.arn }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "controller" {
  name = "lattice"
  role = aws_iam_role.controller.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.controller_statements : merge({ Effect = "Allow" }, statement)]
  })
}

resource "aws_eks_pod_identity_association" "controller" {
  cluster_name    = var.cluster.name
  namespace       = local.controller_namespace
  service_account = local.controller_account
  role_arn        = aws_iam_role.controller.arn
  tags            = var.tags
}

# This module installs no CustomResourceDefinitions of the Gateway API: they have one owner in a cluster.
data "kubernetes_resource" "gateway_api" {
  count = local.install ? 1 : 0

  api_version = "apiextensions.k8s.io/v1"
  kind        = "CustomResourceDefinition"

  metadata {
    name = "gateways.gateway.networking.k8s.io"
  }

  lifecycle {
    postcondition {
      condition     = startswith(try(self.object.metadata.annotations["gateway.networking.k8s.io/bundle-version"], ""), "v1.6.")
      error_message = "The cluster needs the Gateway API in version 1.6. Install it first: kubectl apply --server-side -k 'https://github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1.6.3'"
    }
  }
}

resource "helm_release" "controller" {
  count = local.install ? 1 : 0

  name             = "gateway-api-controller"
  namespace        = local.controller_namespace
  create_namespace = true
  repository       = var.controller_repository
  chart            = "aws-gateway-controller-chart"
  version          = var.controller_version
  wait             = true
  values = [yamlencode({
    clusterName  = var.cluster.name
    clusterVpcId = var.cluster.vpc_id
    awsRegion    = local.region
    awsAccountId = local.account
    serviceAccount = {
      create = true
      name   = local.controller_account
    }
    deployment = { replicas = 2 }
    # With a name, the controller would make a network and associate the VPC itself.
    defaultServiceNetwork         = ""
    reconcileDefaultResyncSeconds = 300
    disableTaggingServiceApi      = !var.internet
    pdb                           = { enabled = true }
  })]

  # A Pod gets credentials only if the association exists when it starts.
  depends_on = [
    aws_eks_pod_identity_association.controller,
    aws_iam_role_policy.controller,
    data.kubernetes_resource.gateway_api,
  ]
}

resource "helm_release" "objects" {
  count = local.install ? 1 : 0

  name             = "lattice"
  namespace        = var.namespace
  create_namespace = true
  chart            = "${path.module}/../../charts/objects"
  wait             = true
  values           = [yamlencode({ objects = local.objects })]

  depends_on = [
    aws_vpclattice_service_network_vpc_association.this,
    helm_release.controller,
    data.kubernetes_resource.gateway_api,
  ]
}
