locals {
  before_nodes = var.auto_mode ? {} : {
    # Without this setting, NetworkPolicies have no effect.
    vpc-cni                = jsonencode({ enableNetworkPolicy = "true" })
    eks-pod-identity-agent = null
    kube-proxy             = null
  }
}

resource "aws_iam_role" "vpc_cni" {
  count = var.auto_mode ? 0 : 1

  name = "${var.name}-vpc-cni"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = local.account
          "aws:RequestTag/kubernetes-namespace"       = "kube-system"
          "aws:RequestTag/kubernetes-service-account" = "aws-node"
        }
        ArnEquals = { "aws:SourceArn" = local.cluster_arn }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "vpc_cni" {
  count = var.auto_mode ? 0 : 1

  role       = aws_iam_role.vpc_cni[0].name
  policy_arn = "${local.policies}/AmazonEKS_CNI_Policy"
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = each.key == "vpc-cni" ? [aws_iam_role.vpc_cni[0].arn] : []
    content {
      role_arn        = pod_identity_association.value
      service_account = "aws-node"
    }
  }

  tags = var.tags

  depends_on = [aws_iam_role_policy_attachment.vpc_cni]
}

# CoreDNS becomes active only when it has a node to run on.
resource "aws_eks_addon" "after_nodes" {
  for_each = toset(var.auto_mode ? [] : ["coredns"])

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  depends_on = [aws_eks_node_group.this]
}
