locals {
  argocd_roles = var.argocd == null ? {} : {
    ADMIN  = var.argocd.admins
    EDITOR = var.argocd.editors
    VIEWER = var.argocd.viewers
  }
}

resource "aws_iam_role" "argocd" {
  count = var.argocd == null ? 0 : 1

  name = "${var.name}-argocd"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "capabilities.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
  tags = var.tags
}

# EKS refuses a role that IAM has not spread yet.
resource "time_sleep" "argocd_role" {
  count = var.argocd == null ? 0 : 1

  create_duration = "20s"
  triggers        = { role_arn = aws_iam_role.argocd[0].arn }
}

resource "aws_eks_capability" "argocd" {
  count = var.argocd == null ? 0 : 1

  cluster_name    = aws_eks_cluster.this.name
  capability_name = "argocd"
  type            = "ARGOCD"
  role_arn        = time_sleep.argocd_role[0].triggers["role_arn"]
  # The only value that EKS knows: Applications stay. Delete them first.
  delete_propagation_policy = "RETAIN"

  configuration {
    argo_cd {
      namespace = var.argocd.namespace

      aws_idc {
        idc_instance_arn = var.argocd.identity_center_arn
        idc_region       = coalesce(var.argocd.identity_center_region, local.region)
      }

      dynamic "network_access" {
        for_each = length(var.argocd.vpc_endpoint_ids) > 0 ? [var.argocd.vpc_endpoint_ids] : []
        content {
          vpce_ids = network_access.value
        }
      }

      dynamic "rbac_role_mapping" {
        for_each = { for role, groups in local.argocd_roles : role => groups if length(groups) > 0 }
        content {
          role = rbac_role_mapping.key

          dynamic "identity" {
            for_each = rbac_role_mapping.value
            content {
              id   = identity.value
              type = "SSO_GROUP"
            }
          }
        }
      }
    }
  }

  tags = var.tags
}

# The managed Argo CD runs outside the cluster. EKS creates its access entry with the capability, with rights
# for Argo CD's own objects only.
resource "aws_eks_access_policy_association" "argocd" {
  count = var.argocd == null ? 0 : 1

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_capability.argocd[0].role_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}
