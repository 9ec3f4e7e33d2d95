output "name" {
  description = "Name of the cluster. It is known only once the cluster exists."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster, for the trust of roles."
  value       = aws_eks_cluster.this.arn
}

output "endpoint" {
  description = "Address of the API server."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, in base64."
  value       = one(aws_eks_cluster.this.certificate_authority[*].data)
}

output "security_group_id" {
  description = "Security group of the nodes and of the control plane."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "kms_key_arn" {
  description = "Key that encrypts the Secrets in etcd and the logs of the control plane."
  value       = aws_kms_key.this.arn
}

output "node_role_arn" {
  description = "Role of the nodes."
  value       = aws_iam_role.node.arn
}

output "argocd_url" {
  description = "Address of the managed Argo CD, or null."
  value       = one(aws_eks_capability.argocd[*].configuration[0].argo_cd[0].server_url)
}
