mock_provider "aws" {}
mock_provider "time" {}

variables {
  name                     = "demo"
  kubernetes_version       = "1.35"
  control_plane_subnet_ids = ["subnet-1", "subnet-2"]
  node_subnet_ids          = ["subnet-3", "subnet-4"]
  access                   = { admins = { principal_arn = "arn:aws:iam::123456789012:role/admins" } }
}

run "on_sets_all_three_switches_and_no_addon" {
  variables {
    auto_mode = true
  }
  assert {
    condition = (
      aws_eks_cluster.this.compute_config[0].enabled &&
      aws_eks_cluster.this.kubernetes_network_config[0].elastic_load_balancing[0].enabled &&
      aws_eks_cluster.this.storage_config[0].block_storage[0].enabled
    )
    error_message = "EKS accepts the three switches only together."
  }
  assert {
    condition     = aws_eks_cluster.this.compute_config[0].node_role_arn == aws_iam_role.node.arn && aws_eks_cluster.this.compute_config[0].node_pools == toset(["general-purpose", "system"])
    error_message = "EKS makes the nodes with the module's role."
  }
  assert {
    condition     = length(aws_eks_addon.before_nodes) + length(aws_eks_addon.after_nodes) + length(aws_eks_node_group.this) + length(aws_iam_role.vpc_cni) == 0
    error_message = "Auto Mode has network, DNS and the agent of Pod Identity built in."
  }
  assert {
    condition     = length(aws_iam_role_policy_attachment.cluster) == 5 && contains(jsondecode(aws_iam_role.cluster.assume_role_policy).Statement[0].Action, "sts:TagSession")
    error_message = "The cluster manages nodes, load balancers and disks itself, and needs the rights for it."
  }
}

run "off_sets_none_of_the_three" {
  variables {
    nodes = { arm = { instance_types = ["m7g.large"], min_size = 1, max_size = 2 } }
  }
  assert {
    condition     = length(aws_eks_cluster.this.compute_config) + length(aws_eks_cluster.this.kubernetes_network_config) + length(aws_eks_cluster.this.storage_config) == 0
    error_message = "None of the three switches is set."
  }
  assert {
    condition     = concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes)) == ["eks-pod-identity-agent", "kube-proxy", "vpc-cni", "coredns"]
    error_message = "The module has the add-ons."
  }
  assert {
    condition     = keys(aws_iam_role_policy_attachment.cluster) == ["AmazonEKSClusterPolicy"] && jsondecode(aws_iam_role.cluster.assume_role_policy).Statement[0].Action == ["sts:AssumeRole"]
    error_message = "The cluster has no rights of Auto Mode."
  }
}

run "on_with_own_nodes_is_refused" {
  command = plan
  variables {
    auto_mode = true
    nodes     = { arm = { instance_types = ["m7g.large"], min_size = 1, max_size = 2 } }
  }
  expect_failures = [var.nodes]
}

run "on_with_versions_of_addons_is_refused" {
  command = plan
  variables {
    auto_mode      = true
    addon_versions = { vpc-cni = "v1.20.0-eksbuild.1" }
  }
  expect_failures = [var.addon_versions]
}
