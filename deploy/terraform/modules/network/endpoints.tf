locals {
  endpoint_zones = coalesce(var.endpoint_zones, keys(var.zones))

  # Through an endpoint with the default policy, stolen credentials of any account could carry values out.
  own_account = { StringEquals = { "aws:PrincipalAccount" = local.account } }
  endpoint_resources = {
    secretsmanager = ["arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${var.secret_prefix}*"]
    ssm            = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/${var.secret_prefix}*"]
  }
  # These actions name no single secret, so they cannot be limited to the prefix.
  endpoint_lists = {
    secretsmanager = ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"]
    ssm            = ["ssm:DescribeParameters"]
  }
}

resource "aws_security_group" "endpoints" {
  count = length(var.endpoints) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Interface endpoints: HTTPS from the VPC"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(var.endpoints) > 0 ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = aws_vpc.this.cidr_block
  tags              = var.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for zone in local.endpoint_zones : aws_subnet.intra[zone].id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OwnAccount"
        Effect    = "Allow"
        Principal = "*"
        Action    = "*"
        Resource  = try(local.endpoint_resources[each.key], ["*"])
        Condition = local.own_account
      }],
      [for actions in try([local.endpoint_lists[each.key]], []) : {
        Sid       = "Lists"
        Effect    = "Allow"
        Principal = "*"
        Action    = actions
        Resource  = ["*"]
        Condition = local.own_account
      }],
    )
  })
  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# ECR signs the requests for image layers itself, so they do not come from this account.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnAccount"
        Effect    = "Allow"
        Principal = "*"
        Action    = "*"
        Resource  = ["*"]
        Condition = local.own_account
      },
      {
        Sid       = "ImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObject"]
        Resource  = ["arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*"]
      },
    ]
  })
  tags = merge(var.tags, { Name = "${var.name}-s3" })
}
