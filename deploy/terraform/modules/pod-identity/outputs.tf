output "role_arn" {
  description = "ARN of the role, for policies of secrets and keys."
  value       = aws_iam_role.this.arn
}

output "association_id" {
  description = "ID of the association. Releases that need it depend on it: a Pod that is older than the association gets no credentials."
  value       = aws_eks_pod_identity_association.this.association_id
}
