# These tests use the stub of the provider of AWS itself: a mocked provider has no ephemeral resources.
override_data {
  target = data.aws_eks_cluster.this
  values = {
    arn                   = "arn:aws:eks:us-east-1:210987654321:cluster/demo-prod"
    endpoint              = "https://cluster.invalid"
    certificate_authority = [{ data = "Y2VydGlmaWNhdGU=" }]
    vpc_config = [{
      vpc_id                    = "vpc-1"
      cluster_security_group_id = "sg-nodes"
      security_group_ids        = []
      subnet_ids                = []
      endpoint_private_access   = true
      endpoint_public_access    = false
      public_access_cidrs       = []
      control_plane_egress_mode = "AWS_MANAGED"
    }]
  }
}
mock_provider "kubernetes" {
  mock_data "kubernetes_resource" {
    defaults = { object = { metadata = { annotations = { "gateway.networking.k8s.io/bundle-version" = "v1.6.3" } } } }
  }
}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = length(module.lattice) == 1
    error_message = "Production has a service network."
  }
}
