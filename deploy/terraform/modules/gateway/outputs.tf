output "objects" {
  description = "The Kubernetes objects, for a GitOps repository if `installed_by` is `gitops`."
  value       = local.objects
}

output "gateway" {
  description = "Reference for the HTTPRoute of an app. The namespace of the app needs the label `gateway-access: public`."
  value = {
    name        = "public"
    namespace   = var.namespace
    sectionName = "https"
  }
}

output "controller_role_arn" {
  description = "Role of the AWS Load Balancer Controller, or null with Auto Mode."
  value       = one(aws_iam_role.lbc[*].arn)
}

output "web_acl_arn" {
  description = "The web ACL, or null."
  value       = one(aws_wafv2_web_acl.this[*].arn)
}

output "certificate_arn" {
  description = "The certificate of the load balancer."
  value       = local.certificate_arn
}
