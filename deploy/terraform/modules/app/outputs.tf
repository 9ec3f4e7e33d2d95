output "release" {
  description = "Name of the release."
  value       = helm_release.this.name
}

output "namespace" {
  description = "Namespace of the app."
  value       = helm_release.this.namespace
}

output "values" {
  description = "Values of the release, in YAML. They contain no secret."
  value       = helm_release.this.values
}
