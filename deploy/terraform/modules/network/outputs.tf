output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "The range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Subnets of nodes and Pods, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnet_ids" {
  description = "Subnets of public load balancers and NAT, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "intra_subnet_ids" {
  description = "Subnets without a way out, for the control plane and the endpoints, by zone."
  value       = { for zone, subnet in aws_subnet.intra : zone => subnet.id }
}

output "public_subnet_cidrs" {
  description = "Ranges of the public subnets, by zone. Traffic from a public load balancer comes from them."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block }
}

output "endpoint_ids" {
  description = "Interface endpoints by service."
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}
