data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

# Traffic of VPC Lattice comes from these ranges, and not from the client.
data "aws_ec2_managed_prefix_list" "ipv4" {
  name = "com.amazonaws.${local.region}.vpc-lattice"
}

data "aws_ec2_managed_prefix_list" "ipv6" {
  name = "com.amazonaws.${local.region}.ipv6.vpc-lattice"
}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region

  own     = var.service_network_arn == null
  network = local.own ? one(aws_vpclattice_service_network.this[*].arn) : var.service_network_arn

  allowed_accounts = length(var.allowed_accounts) > 0 ? sort(var.allowed_accounts) : [local.account]
  auth_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Accounts"
      Effect    = "Allow"
      Principal = "*"
      Action    = "vpc-lattice-svcs:Invoke"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = local.allowed_accounts } }
    }]
  })

  clients = merge([for name, association in var.associations : {
    for group in association.client_security_group_ids : "${name}/${group}" => { association = name, group = group }
  }]...)
  lists   = { ipv4 = data.aws_ec2_managed_prefix_list.ipv4.id, ipv6 = data.aws_ec2_managed_prefix_list.ipv6.id }
  targets = { for pair in setproduct(keys(local.lists), var.cluster.ports) : "${pair[0]}/${pair[1]}" => { list = local.lists[pair[0]], port = pair[1] } }
}

# The network and its association outlive the cluster, so Terraform owns them. In the cluster, there is no
# ServiceNetwork, no VpcAssociationPolicy, and no policy of the Gateway.
resource "aws_vpclattice_service_network" "this" {
  count = local.own ? 1 : 0

  name      = var.name
  auth_type = "AWS_IAM"
  tags      = var.tags
}

resource "aws_vpclattice_auth_policy" "this" {
  count = local.own ? 1 : 0

  resource_identifier = aws_vpclattice_service_network.this[0].arn
  policy              = coalesce(var.auth_policy, local.auth_policy)
}

resource "aws_cloudwatch_log_group" "this" {
  count = local.own ? 1 : 0

  name              = "/vpc-lattice/${var.name}"
  retention_in_days = var.log_days
  tags              = var.tags
}

resource "aws_vpclattice_access_log_subscription" "this" {
  count = local.own ? 1 : 0

  resource_identifier = aws_vpclattice_service_network.this[0].arn
  destination_arn     = "${aws_cloudwatch_log_group.this[0].arn}:*"
  tags                = var.tags
}

resource "aws_security_group" "association" {
  for_each = var.associations

  name        = "${var.name}-lattice-${each.key}"
  description = "Clients of the service network ${var.name}"
  vpc_id      = each.value.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-lattice-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.clients

  security_group_id            = aws_security_group.association[each.value.association].id
  description                  = "HTTPS from clients"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = each.value.group
  tags                         = var.tags
}

resource "aws_vpclattice_service_network_vpc_association" "this" {
  for_each = var.associations

  service_network_identifier = local.network
  vpc_identifier             = each.value.vpc_id
  security_group_ids         = [aws_security_group.association[each.key].id]
  tags                       = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "targets" {
  for_each = local.targets

  security_group_id = var.cluster.security_group_id
  description       = "Requests of VPC Lattice"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  prefix_list_id    = each.value.list
  tags              = var.tags
}
