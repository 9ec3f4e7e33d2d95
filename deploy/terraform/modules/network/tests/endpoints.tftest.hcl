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

variables {
  name          = "demo"
  secret_prefix = "demo/dev/"
  zones         = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
  endpoints     = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "kms", "logs", "secretsmanager", "sqs", "ssm", "sts"]
}

run "endpoints_answer_to_the_names_of_the_services" {
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 12 && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface"])
    error_message = "Without private DNS, clients go round the endpoint."
  }
  assert {
    condition     = alltrue([for service, endpoint in aws_vpc_endpoint.interface : endpoint.service_name == "com.amazonaws.eu-central-1.${service}" && endpoint.subnet_ids == toset(values(aws_subnet.intra)[*].id)])
    error_message = "Each endpoint has the name of its service, and an address in each zone."
  }
}

run "endpoints_accept_https_from_the_vpc_only" {
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.security_group_ids == toset([aws_security_group.endpoints[0].id])])
    error_message = "Each endpoint has the group, and no other."
  }
  assert {
    condition = (
      length(aws_vpc_security_group_ingress_rule.endpoints) == 1 &&
      aws_vpc_security_group_ingress_rule.endpoints[0].security_group_id == aws_security_group.endpoints[0].id &&
      aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.0.0.0/16" &&
      aws_vpc_security_group_ingress_rule.endpoints[0].ip_protocol == "tcp" &&
      aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443 &&
      aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    )
    error_message = "The only rule is 443 from the range of the VPC."
  }
}

run "endpoint_policies_name_the_account" {
  assert {
    condition = alltrue(flatten([for endpoint in aws_vpc_endpoint.interface : [
      for statement in jsondecode(endpoint.policy).Statement : statement.Condition == { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
    ]]))
    error_message = "Credentials of another account could use an endpoint."
  }
  assert {
    condition = (
      jsondecode(aws_vpc_endpoint.interface["secretsmanager"].policy).Statement[0].Resource == ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo/dev/*"] &&
      jsondecode(aws_vpc_endpoint.interface["ssm"].policy).Statement[0].Resource == ["arn:aws:ssm:eu-central-1:123456789012:parameter/demo/dev/*"]
    )
    error_message = "Only values below the prefix can be reached."
  }
  assert {
    condition = (
      jsondecode(aws_vpc_endpoint.interface["secretsmanager"].policy).Statement[1].Action == ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"] &&
      jsondecode(aws_vpc_endpoint.interface["ssm"].policy).Statement[1].Action == ["ssm:DescribeParameters"] &&
      alltrue([for service, endpoint in aws_vpc_endpoint.interface : length(jsondecode(endpoint.policy).Statement) == 1 || contains(["secretsmanager", "ssm"], service)])
    )
    error_message = "Only the actions that name no secret apply to all of them."
  }
}

run "s3_is_reached_through_the_private_routes" {
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && toset(aws_vpc_endpoint.s3.route_table_ids) == toset([for table in aws_route_table.private : table.id])
    error_message = "The private subnets have a route to S3."
  }
  assert {
    condition = [for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Sid if !can(statement.Condition)] == ["ImageLayers"] && (
      jsondecode(aws_vpc_endpoint.s3.policy).Statement[1].Action == ["s3:GetObject"]
    )
    error_message = "Without our account, only layers of images can be read."
  }
}

run "zones_of_endpoints_can_be_fewer" {
  variables {
    endpoint_zones = ["eu-central-1b"]
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.subnet_ids == toset([aws_subnet.intra["eu-central-1b"].id])])
    error_message = "Each endpoint is in the chosen zone only."
  }
}

run "unknown_zone_is_refused" {
  command = plan
  variables {
    endpoint_zones = ["eu-central-1d"]
  }
  expect_failures = [var.endpoint_zones]
}

run "unknown_service_is_refused" {
  command = plan
  variables {
    endpoints = ["s3"]
  }
  expect_failures = [var.endpoints]
}

run "prefix_without_a_slash_is_refused" {
  command = plan
  variables {
    secret_prefix = "demo/dev"
  }
  expect_failures = [var.secret_prefix]
}

run "default_group_has_no_rules" {
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default group would open something."
  }
}

run "traffic_is_logged" {
  assert {
    condition     = aws_flow_log.this.vpc_id == aws_vpc.this.id && aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 365
    error_message = "The flow log keeps all traffic for a year."
  }
  assert {
    condition     = jsondecode(aws_iam_role.flow.assume_role_policy).Statement[0].Condition.StringEquals == { "aws:SourceAccount" = "123456789012" }
    error_message = "Only flow logs of this account may use the role."
  }
}
