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
mock_provider "time" {}

variables {
  name                     = "demo"
  kubernetes_version       = "1.35"
  control_plane_subnet_ids = ["subnet-1", "subnet-2"]
  node_subnet_ids          = ["subnet-3", "subnet-4"]
  access                   = { admins = { principal_arn = "arn:aws:iam::123456789012:role/admins" } }
  nodes                    = { arm = { instance_types = ["m7g.large"], min_size = 2, max_size = 4 } }
}

run "cluster_is_private_and_encrypted_by_default" {
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The API server is reached from the VPC only."
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Access is by entries only."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == aws_kms_key.this.arn && toset(aws_eks_cluster.this.encryption_config[0].resources) == toset(["secrets"]) && aws_kms_key.this.enable_key_rotation
    error_message = "Secrets are encrypted with a key that rotates."
  }
  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD"
    error_message = "Extended support is dear, and has to be chosen."
  }
  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit", "authenticator", "controllerManager", "scheduler"])
    error_message = "All five logs are on."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/eks/demo/cluster" && aws_cloudwatch_log_group.this.kms_key_id == aws_kms_key.this.arn && aws_cloudwatch_log_group.this.retention_in_days == 365
    error_message = "The logs are encrypted and end after a year."
  }
  assert {
    condition     = aws_eks_cluster.this.deletion_protection
    error_message = "Deletion has to be permitted first."
  }
  assert {
    condition     = aws_eks_cluster.this.bootstrap_self_managed_addons == false
    error_message = "The add-ons are those of this module."
  }
}

run "public_access_is_limited_to_ranges" {
  variables {
    public_access_cidrs = ["192.0.2.0/24"]
  }
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["192.0.2.0/24"])
    error_message = "Only the range has access, and the VPC keeps it."
  }
}

run "access_of_the_whole_internet_is_refused" {
  command = plan
  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "entries_have_the_least_scope" {
  variables {
    access = {
      admins     = { principal_arn = "arn:aws:iam::123456789012:role/admins" }
      developers = { principal_arn = "arn:aws:iam::123456789012:role/developers", policy = "AmazonEKSEditPolicy", namespaces = ["demo"] }
    }
  }
  assert {
    condition     = aws_eks_access_policy_association.this["admins"].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" && aws_eks_access_policy_association.this["admins"].access_scope[0].type == "cluster"
    error_message = "The administrators have the whole cluster."
  }
  assert {
    condition     = aws_eks_access_policy_association.this["developers"].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy" && aws_eks_access_policy_association.this["developers"].access_scope[0].type == "namespace" && aws_eks_access_policy_association.this["developers"].access_scope[0].namespaces == toset(["demo"])
    error_message = "The developers have their namespace."
  }
}

run "cluster_without_administrators_is_refused" {
  command = plan
  variables {
    access = { developers = { principal_arn = "arn:aws:iam::123456789012:role/developers", namespaces = ["demo"] } }
  }
  expect_failures = [var.access]
}

run "nodes_hide_their_role_from_pods" {
  assert {
    condition     = aws_launch_template.node["arm"].metadata_options[0].http_tokens == "required" && aws_launch_template.node["arm"].metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A Pod could use the role of its node."
  }
  assert {
    condition     = keys(aws_iam_role_policy_attachment.node) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"]
    error_message = "Nodes pull images and join the cluster, and no more: the network has a role of its own."
  }
  assert {
    condition     = aws_eks_node_group.this["arm"].subnet_ids == toset(["subnet-3", "subnet-4"]) && aws_eks_node_group.this["arm"].scaling_config[0].min_size == 2
    error_message = "The nodes are in the private subnets."
  }
}

run "policies_of_the_network_are_enforced" {
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values) == { enableNetworkPolicy = "true" }
    error_message = "NetworkPolicies would have no effect."
  }
  assert {
    condition     = one(aws_eks_addon.before_nodes["vpc-cni"].pod_identity_association).role_arn == aws_iam_role.vpc_cni[0].arn && one(aws_eks_addon.before_nodes["vpc-cni"].pod_identity_association).service_account == "aws-node"
    error_message = "The network has a role of its own."
  }
  assert {
    condition = jsondecode(aws_iam_role.vpc_cni[0].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "aws:SourceAccount"                         = "123456789012"
        "aws:RequestTag/kubernetes-namespace"       = "kube-system"
        "aws:RequestTag/kubernetes-service-account" = "aws-node"
      }
      ArnEquals = { "aws:SourceArn" = "arn:aws:eks:eu-central-1:123456789012:cluster/demo" }
    }
    error_message = "Only the network's ServiceAccount of this cluster may use the role."
  }
}

run "cluster_without_nodes_is_refused" {
  command = plan
  variables {
    nodes = {}
  }
  expect_failures = [var.nodes]
}
