output "release" {
  description = "Name of the release. Apps depend on it, because their objects need its CRDs."
  value       = helm_release.this.name
}

output "namespace" {
  description = "Namespace of the controller. Its sealing keys are Secrets there: a destroy leaves them and the CRDs in the cluster."
  value       = helm_release.this.namespace
}

output "values" {
  description = "Values of the release, in YAML."
  value       = helm_release.this.values
}
