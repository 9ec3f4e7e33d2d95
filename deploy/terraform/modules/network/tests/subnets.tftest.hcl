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
}

run "three_zones_have_three_kinds_of_subnets" {
  assert {
    condition = (
      values(aws_subnet.private)[*].cidr_block == ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"] &&
      values(aws_subnet.public)[*].cidr_block == ["10.0.128.0/22", "10.0.132.0/22", "10.0.136.0/22"] &&
      values(aws_subnet.intra)[*].cidr_block == ["10.0.144.0/24", "10.0.145.0/24", "10.0.146.0/24"]
    )
    error_message = "The ranges differ: a subnet is replaced if its range changes."
  }
  assert {
    condition = alltrue([for zone, subnet in merge(aws_subnet.private, aws_subnet.public, aws_subnet.intra) :
    subnet.availability_zone == zone && subnet.vpc_id == aws_vpc.this.id && subnet.map_public_ip_on_launch != true])
    error_message = "A subnet is in another zone, in another VPC, or hands out public addresses."
  }
  assert {
    condition = (
      alltrue([for subnet in aws_subnet.private : subnet.tags["kubernetes.io/role/internal-elb"] == "1" && !can(subnet.tags["kubernetes.io/role/elb"])]) &&
      alltrue([for subnet in aws_subnet.public : subnet.tags["kubernetes.io/role/elb"] == "1" && !can(subnet.tags["kubernetes.io/role/internal-elb"])]) &&
      alltrue([for subnet in aws_subnet.intra : !anytrue([for key in keys(subnet.tags) : startswith(key, "kubernetes.io/")])])
    )
    error_message = "Public load balancers belong in public subnets, internal ones in private subnets, and none in the others."
  }
  assert {
    condition     = alltrue([for zone, link in aws_route_table_association.intra : link.route_table_id == aws_route_table.intra.id])
    error_message = "Each intra subnet has the table without a route to the Internet."
  }
}

run "four_slots_do_not_overlap" {
  variables {
    zones = { a = 0, b = 1, c = 2, d = 3 }
  }
  # Two ranges overlap exactly if they are equal once both have the shorter of the two prefixes.
  assert {
    condition = alltrue([
      for pair in setproduct(
        concat(values(aws_subnet.private)[*].cidr_block, values(aws_subnet.public)[*].cidr_block, values(aws_subnet.intra)[*].cidr_block),
        concat(values(aws_subnet.private)[*].cidr_block, values(aws_subnet.public)[*].cidr_block, values(aws_subnet.intra)[*].cidr_block),
        ) : pair[0] == pair[1] || length(distinct([
          for range in pair : cidrhost("${split("/", range)[0]}/${min([for other in pair : tonumber(split("/", other)[1])]...)}", 0)
      ])) == 2
    ])
    error_message = "Two subnets overlap."
  }
}

run "three_zones" {}

run "ids_of_three_zones" {
  module {
    source = "../../testing/compare"
  }
  variables {
    before = {
      private = run.three_zones.private_subnet_ids
      public  = run.three_zones.public_subnet_ids
      intra   = run.three_zones.intra_subnet_ids
    }
  }
}

run "without_the_zone_in_the_middle" {
  variables {
    zones = { eu-central-1a = 0, eu-central-1c = 2 }
  }
  assert {
    condition     = length(output.private_subnet_ids) == 2
    error_message = "The zone is still there."
  }
}

run "zone_in_the_middle_leaves_without_a_change_to_others" {
  module {
    source = "../../testing/compare"
  }
  variables {
    before = run.ids_of_three_zones.before
    after = {
      private = run.without_the_zone_in_the_middle.private_subnet_ids
      public  = run.without_the_zone_in_the_middle.public_subnet_ids
      intra   = run.without_the_zone_in_the_middle.intra_subnet_ids
    }
  }
  # A replaced subnet would have a new id.
  assert {
    condition     = length(output.replaced) == 0
    error_message = "A subnet of a zone that stays was replaced."
  }
}

run "two_zones_with_one_slot_are_refused" {
  command = plan
  variables {
    zones = { eu-central-1a = 0, eu-central-1b = 0 }
  }
  expect_failures = [var.zones]
}

run "fifth_slot_is_refused" {
  command = plan
  variables {
    zones = { eu-central-1a = 4 }
  }
  expect_failures = [var.zones]
}

run "other_prefix_is_refused" {
  command = plan
  variables {
    cidr = "10.0.0.0/20"
  }
  expect_failures = [var.cidr]
}
