# Compares the outputs of two runs.

terraform {
  required_version = ">= 1.11"
}

variable "before" {
  description = "IDs by kind and zone, of the earlier run."
  type        = map(map(string))
}

variable "after" {
  description = "IDs by kind and zone, of the later run."
  type        = map(map(string))
  default     = {}
}

# OpenTofu keeps the outputs of only the last run of a configuration.
output "before" {
  description = "The IDs of the earlier run, for a third one."
  value       = var.before
}

output "replaced" {
  description = "Kinds and zones whose ID changed."
  value       = flatten([for kind, ids in var.after : [for zone, id in ids : "${kind} ${zone}" if var.before[kind][zone] != id]])
}
