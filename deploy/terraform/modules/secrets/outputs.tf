output "arns" {
  description = "ARNs of the secrets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "names" {
  description = "Full names of the secrets, for `remoteRef.key` of ExternalSecrets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}
