# These tests use the stub itself: a mocked provider has no ephemeral resources.
override_data {
  target = data.aws_eks_cluster.this
  values = {
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
  target = data.aws_subnets.public
  values = { ids = ["subnet-0", "subnet-1"] }
}
override_data {
  target = data.aws_subnet.public
  values = { cidr_block = "10.16.128.0/22" }
}

run "plan_from_nothing" {
  command = plan
  assert {
    condition     = yamldecode(output.values[1]).httpRoute.parentRefs == [{ name = "public", namespace = "gateway", sectionName = "https" }] && yamldecode(output.values[1]).service.type == "ClusterIP"
    error_message = "The app is served with TLS only, by one load balancer."
  }
  assert {
    condition = (
      [for source in yamldecode(output.values[1]).networkPolicy.ingress.from : source.ipBlock.cidr] == [for zone in range(2) : "10.16.128.0/22"] &&
      yamldecode(output.values[1]).networkPolicy.ingress.lattice == false
    )
    error_message = "Requests come from the load balancer, and from VPC Lattice where it is on, and not from Pods."
  }
  assert {
    condition     = yamldecode(output.values[1]).alb.enabled
    error_message = "The chart refuses settings that the load balancer ignores."
  }
  assert {
    condition     = [for object in yamldecode(output.values[1]).extraObjects : "${object.kind}/${object.metadata.name}"] == ["SecretStore/aws"]
    error_message = "The app has its store, and a route in the service network if there is one."
  }
  assert {
    condition     = yamldecode(output.values[0]).secrets.externalSecret.dataFrom == [{ extract = { key = "demo/dev/app" } }]
    error_message = "The app reads the secret of the layer before."
  }
}
