# These tests use the stub itself: a mocked provider has no ephemeral resources.
override_data {
  target = data.aws_eks_cluster.this
  values = {
    arn                   = "arn:aws:eks:us-east-1:123456789012:cluster/demo-dev"
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
override_data {
  target = module.gateway.data.kubernetes_resource.gateway_api
  values = { object = { metadata = { annotations = { "gateway.networking.k8s.io/bundle-version" = "v1.6.3" } } } }
}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = length(module.lattice) == 0
    error_message = "Development has no service network."
  }
}
