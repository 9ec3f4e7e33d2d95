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
  override_data {
    target = data.aws_ec2_managed_prefix_list.ipv4
    values = { id = "pl-4" }
  }
  override_data {
    target = data.aws_ec2_managed_prefix_list.ipv6
    values = { id = "pl-6" }
  }
}
mock_provider "helm" {}
mock_provider "kubernetes" {
  mock_data "kubernetes_resource" {
    defaults = { object = { metadata = { annotations = { "gateway.networking.k8s.io/bundle-version" = "v1.6.3" } } } }
  }
}

variables {
  name         = "demo-dev"
  associations = { cluster = { vpc_id = "vpc-1", client_security_group_ids = ["sg-nodes"] } }
  cluster = {
    name              = "demo"
    arn               = "arn:aws:eks:eu-central-1:123456789012:cluster/demo"
    vpc_id            = "vpc-1"
    security_group_id = "sg-nodes"
  }
}

run "terraform_owns_network_and_association" {
  assert {
    condition     = length(aws_vpclattice_service_network.this) == 1 && length(aws_vpclattice_service_network_vpc_association.this) == 1 && aws_vpclattice_service_network_vpc_association.this["cluster"].service_network_identifier == aws_vpclattice_service_network.this[0].arn
    error_message = "There is one network, and the VPC is associated with it."
  }
  assert {
    condition     = [for object in output.objects : object.kind] == ["GatewayClass", "Gateway"]
    error_message = "In the cluster, a ServiceNetwork or a VpcAssociationPolicy would be a second owner."
  }
  assert {
    condition     = yamldecode(helm_release.controller[0].values[0]).defaultServiceNetwork == ""
    error_message = "The controller would make a network and an association of its own."
  }
  assert {
    condition     = output.objects[1].metadata.name == aws_vpclattice_service_network.this[0].name
    error_message = "The controller finds the network by the name of the Gateway."
  }
}

run "second_association_of_a_vpc_is_refused" {
  command = plan
  variables {
    associations = {
      cluster = { vpc_id = "vpc-1", client_security_group_ids = ["sg-nodes"] }
      again   = { vpc_id = "vpc-1", client_security_group_ids = ["sg-others"] }
    }
  }
  expect_failures = [var.associations]
}

run "association_without_clients_is_refused" {
  command = plan
  variables {
    associations = { cluster = { vpc_id = "vpc-1", client_security_group_ids = [] } }
  }
  expect_failures = [var.associations]
}

run "shared_network_keeps_its_owner" {
  variables {
    service_network_arn = "arn:aws:vpc-lattice:eu-central-1:210987654321:servicenetwork/sn-0123456789abcdef0"
  }
  assert {
    condition     = length(aws_vpclattice_service_network.this) + length(aws_vpclattice_auth_policy.this) + length(aws_vpclattice_access_log_subscription.this) == 0
    error_message = "Policy and log are the owner's."
  }
  assert {
    condition     = aws_vpclattice_service_network_vpc_association.this["cluster"].service_network_identifier == var.service_network_arn
    error_message = "The VPC joins the shared network."
  }
}

run "both_ranges_reach_the_pods_and_no_other" {
  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.targets : name => [rule.security_group_id, rule.prefix_list_id, tostring(rule.from_port), tostring(rule.to_port)] } == { "ipv4/8080" = ["sg-nodes", "pl-4", "8080", "8080"], "ipv6/8080" = ["sg-nodes", "pl-6", "8080", "8080"] }
    error_message = "Pods accept requests from both prefix lists, on their port."
  }
  assert {
    condition     = toset(output.source_ranges) == toset(["169.254.171.0/24", "fd00:ec2:80::/64"])
    error_message = "A NetworkPolicy needs both ranges."
  }
  assert {
    condition = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients :
      rule.from_port == 443 && rule.to_port == 443 && rule.referenced_security_group_id == "sg-nodes" && rule.security_group_id == aws_security_group.association["cluster"].id
    ]) && length(aws_vpc_security_group_ingress_rule.clients) == 1
    error_message = "Clients are those of the group, and they use TLS."
  }
  assert {
    condition     = tolist(aws_vpclattice_service_network_vpc_association.this["cluster"].security_group_ids) == tolist([aws_security_group.association["cluster"].id])
    error_message = "Without a group, everything in the VPC could call services."
  }
}

run "callers_sign_and_are_of_the_account" {
  assert {
    condition     = aws_vpclattice_service_network.this[0].auth_type == "AWS_IAM"
    error_message = "Requests have to be signed."
  }
  assert {
    condition     = jsondecode(aws_vpclattice_auth_policy.this[0].policy).Version == "2012-10-17" && alltrue([for statement in jsondecode(aws_vpclattice_auth_policy.this[0].policy).Statement : statement.Principal == "*" && statement.Condition == { StringEquals = { "aws:PrincipalAccount" = ["123456789012"] } } && statement.Action == "vpc-lattice-svcs:Invoke"])
    error_message = "Other accounts could call the services."
  }
  assert {
    condition     = length(aws_vpclattice_auth_policy.this[0].policy) <= 10240
    error_message = "VPC Lattice refuses longer policies."
  }
  assert {
    condition     = endswith(aws_vpclattice_access_log_subscription.this[0].destination_arn, ":*") && aws_cloudwatch_log_group.this[0].retention_in_days == 365
    error_message = "Requests are logged for a year."
  }
}

run "five_hundred_accounts_fit_in_the_policy" {
  variables {
    allowed_accounts = [for number in range(500) : format("%012d", number)]
  }
  assert {
    condition     = length(aws_vpclattice_auth_policy.this[0].policy) <= 10240
    error_message = "The policy is too long."
  }
}

run "policy_for_everybody_is_refused" {
  command = plan
  variables {
    auth_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"vpc-lattice-svcs:Invoke\",\"Resource\":\"*\"}]}"
  }
  expect_failures = [var.auth_policy]
}

run "policy_for_every_aws_principal_is_refused" {
  command = plan
  variables {
    auth_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"vpc-lattice-svcs:Invoke\",\"Resource\":\"*\"}]}"
  }
  expect_failures = [var.auth_policy]
}

run "policy_with_a_condition_is_taken" {
  variables {
    auth_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"vpc-lattice-svcs:Invoke\",\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-1\"}}}]}"
  }
  assert {
    condition     = aws_vpclattice_auth_policy.this[0].policy == var.auth_policy
    error_message = "The given policy holds."
  }
}

run "text_that_is_no_policy_is_refused" {
  command = plan
  variables {
    auth_policy = "{\"Statement\":[{\"Effect\":\"Permit\"}]}"
  }
  expect_failures = [var.auth_policy]
}

run "policy_of_more_than_10_kb_is_refused" {
  command = plan
  variables {
    auth_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Principal = "*", Action = "vpc-lattice-svcs:Invoke", Resource = [for number in range(1000) : "service-${number}"] }] })
  }
  expect_failures = [var.auth_policy]
}

run "gateway_terminates_tls_for_labelled_namespaces" {
  assert {
    condition     = output.objects[1].spec.listeners[0].protocol == "HTTPS" && output.objects[1].spec.listeners[0].allowedRoutes.namespaces == { from = "Selector", selector = { matchLabels = { lattice-access = "demo-dev" } } }
    error_message = "Only namespaces with the label attach routes."
  }
  assert {
    condition     = !can(output.objects[1].spec.listeners[0].tls.options)
    error_message = "Without a certificate, there is no option for it."
  }
  # The tests of the charts check the files of objects against the kinds of the controller.
  assert {
    condition     = jsonencode(output.objects) == jsonencode(jsondecode(file("tests/objects/network.json")))
    error_message = "The objects differ from tests/objects/network.json. Write them there: terraform output -json objects"
  }
  assert {
    condition     = jsonencode(yamldecode(helm_release.objects[0].values[0]).objects) == jsonencode(output.objects)
    error_message = "Helm installs other objects."
  }
}

run "controller_has_its_rights_before_it_starts" {
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.controller.policy).Statement : statement.Action if statement.Sid == "Tags" || statement.Sid == "Certificates"])) == toset(["tag:GetResources", "tag:TagResources", "tag:UntagResources", "acm:ListCertificates"])
    error_message = "The controller lacks rights to read tags and certificates."
  }
  assert {
    condition     = jsondecode(aws_iam_role.controller.assume_role_policy).Statement[0].Condition.ArnEquals == { "aws:SourceArn" = "arn:aws:eks:eu-central-1:123456789012:cluster/demo" }
    error_message = "The role is for one cluster."
  }
  assert {
    condition     = yamldecode(helm_release.controller[0].values[0]).disableTaggingServiceApi == false && yamldecode(helm_release.controller[0].values[0]).clusterVpcId == "vpc-1"
    error_message = "The controller cannot find its VPC itself."
  }
}

run "gitops_owns_the_objects" {
  variables {
    installed_by    = "gitops"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/a1b2"
    internet        = false
  }
  assert {
    condition     = length(helm_release.controller) + length(helm_release.objects) == 0
    error_message = "Only one of both may install the objects."
  }
  assert {
    condition     = jsonencode(output.objects) == jsonencode(jsondecode(file("tests/objects/certificate.json")))
    error_message = "The objects differ from tests/objects/certificate.json."
  }
  assert {
    condition     = output.objects[1].spec.listeners[0].tls.options == { "application-networking.k8s.aws/certificate-arn" = "arn:aws:acm:eu-central-1:123456789012:certificate/a1b2" }
    error_message = "The certificate is that of ACM."
  }
}
