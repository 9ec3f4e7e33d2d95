output "service_network_arn" {
  description = "The service network."
  value       = local.network
}

output "objects" {
  description = "The Kubernetes objects, for a GitOps repository if `installed_by` is `gitops`."
  value       = local.objects
}

output "gateway" {
  description = "Reference for the HTTPRoute of an app. The namespace of the app needs the label `lattice-access` with the name of the network."
  value = {
    name        = var.name
    namespace   = var.namespace
    sectionName = "https"
  }
}

output "source_ranges" {
  description = "Ranges that requests of VPC Lattice come from: the NetworkPolicy of an app lets in all of them."
  value       = ["169.254.171.0/24", "fd00:ec2:80::/64"]
}
