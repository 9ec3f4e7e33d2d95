resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  domain = "vpc"
  tags   = merge(var.tags, { Name = "${var.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "zonal" {
  for_each = toset(local.nat_zones)

  allocation_id = aws_eip.nat[each.key].allocation_id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })

  # Until the route to the Internet exists, the gateway cannot be created.
  depends_on = [aws_route.internet]
}

# AWS adds and removes the zones and the addresses of this gateway by itself.
resource "aws_nat_gateway" "regional" {
  count = var.nat == "regional" ? 1 : 0

  vpc_id            = aws_vpc.this.id
  availability_mode = "regional"
  tags              = merge(var.tags, { Name = var.name })

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route" "nat" {
  for_each = var.nat == "none" ? {} : local.private

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id = (
    var.nat == "regional" ? aws_nat_gateway.regional[0].id
    : aws_nat_gateway.zonal[var.nat == "single" ? local.first_zone : each.key].id
  )
}
