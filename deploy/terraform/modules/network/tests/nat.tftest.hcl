mock_provider "aws" {}

variables {
  name          = "demo"
  secret_prefix = "demo/dev/"
  zones         = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
  # What the module asks for if there is no NAT.
  endpoints = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "kms", "logs", "secretsmanager", "sts"]
}

run "none_has_no_gateway_and_no_route" {
  variables {
    nat = "none"
  }
  assert {
    condition     = length(aws_nat_gateway.zonal) + length(aws_nat_gateway.regional) + length(aws_eip.nat) + length(aws_route.nat) == 0
    error_message = "Without NAT, nothing leads out of the private subnets."
  }
}

run "single_serves_all_zones" {
  variables {
    nat = "single"
  }
  assert {
    condition     = keys(aws_nat_gateway.zonal) == ["eu-central-1a"] && length(aws_eip.nat) == 1
    error_message = "There is one gateway, in the zone with the lowest slot."
  }
  assert {
    condition     = length(aws_route.nat) == 3 && alltrue([for route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.zonal["eu-central-1a"].id])
    error_message = "The routes of all zones lead to the gateway."
  }
  assert {
    condition     = aws_nat_gateway.zonal["eu-central-1a"].subnet_id == aws_subnet.public["eu-central-1a"].id
    error_message = "The gateway is in a public subnet."
  }
}

run "each_zone_has_its_own" {
  variables {
    nat = "per_zone"
  }
  assert {
    condition     = length(aws_nat_gateway.zonal) == 3 && length(aws_eip.nat) == 3
    error_message = "There are three gateways with an address each."
  }
  assert {
    condition = alltrue([for zone, route in aws_route.nat :
      route.nat_gateway_id == aws_nat_gateway.zonal[zone].id &&
      route.route_table_id == aws_route_table.private[zone].id &&
      aws_route_table_association.private[zone].route_table_id == aws_route_table.private[zone].id
    ])
    error_message = "Traffic stays in its zone."
  }
}

run "regional_is_one_gateway_of_the_vpc" {
  variables {
    nat = "regional"
  }
  assert {
    condition     = length(aws_nat_gateway.zonal) == 0 && aws_nat_gateway.regional[0].availability_mode == "regional" && aws_nat_gateway.regional[0].vpc_id == aws_vpc.this.id
    error_message = "There is one gateway without a subnet."
  }
  assert {
    condition     = length(aws_route.nat) == 3 && alltrue([for route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.regional[0].id])
    error_message = "The routes of all zones lead to the gateway."
  }
}

run "none_without_endpoints_is_refused" {
  command = plan
  variables {
    nat       = "none"
    endpoints = ["secretsmanager"]
  }
  expect_failures = [var.endpoints]
}

run "unknown_kind_is_refused" {
  command = plan
  variables {
    nat = "one"
  }
  expect_failures = [var.nat]
}
