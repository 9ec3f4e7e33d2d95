variable "name" {
  description = "Name of the release and of its objects."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$", var.name))
    error_message = "Choose a name of 1 to 53 lower-case letters, digits and hyphens, as Helm requires."
  }
}

variable "namespace" {
  description = "Namespace of the app."
  type        = string
}

variable "create_namespace" {
  description = "Whether to create the namespace here. Turn it off if several apps share one."
  type        = bool
  default     = true
}

variable "namespace_labels" {
  description = "Labels of the namespace, such as those that admit its routes to a Gateway, or that ask for readiness gates of load balancers."
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.namespace_labels), "pod-security.kubernetes.io/enforce")
    error_message = "Leave out pod-security.kubernetes.io/enforce: the namespace always has the profile restricted."
  }
}

variable "chart" {
  description = "The chart: a directory, an archive, or an `oci://` URL. The default is the chart of this repository."
  type        = string
  default     = null
}

variable "chart_version" {
  description = "Version of a chart in a registry."
  type        = string
  default     = null

  validation {
    condition     = var.chart_version != null || !startswith(coalesce(var.chart, "."), "oci://")
    error_message = "Set chart_version for a chart in a registry. Otherwise each apply would install the newest one."
  }
}

variable "secret" {
  description = <<-EOT
    Where the app's Secret comes from, as one of: `existing`, the name of a Secret; `sealed`, a manifest from
    mtk-seal; `external`, a store and names in AWS. Leave all out for an app without secrets.
  EOT
  type = object({
    existing = optional(string)
    sealed   = optional(string)
    external = optional(object({
      store      = string
      store_kind = optional(string, "SecretStore")
      keys       = set(string)
    }))
    # Name of the Secret. The default is the chart's. Sealed values are bound to it.
    name = optional(string)
  })
  default = {}

  validation {
    condition     = length([for source in [var.secret.existing, var.secret.sealed, var.secret.external] : source if source != null]) <= 1
    error_message = "Choose one of existing, sealed and external."
  }
  validation {
    condition     = var.secret.sealed == null || can(yamldecode(var.secret.sealed).spec.encryptedData)
    error_message = "Read secret.sealed from the file that mtk-seal wrote: a SealedSecret with spec.encryptedData."
  }
}

variable "values" {
  description = "Further values of the chart, in YAML. Later ones win. Helm keeps them in the cluster, so none may be secret."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for text in var.values : can(yamldecode(text))])
    error_message = "Values are YAML. Write them with yamlencode, or read them with file."
  }
  validation {
    condition     = alltrue([for text in var.values : !can(yamldecode(text).envSecrets)])
    error_message = "Take envSecrets out of the values: state and release would contain them. Seal them (mtk-seal), or put them into Secrets Manager, and set secret."
  }
}

variable "adopt" {
  description = "Whether to take over a release of this name that Terraform does not know, instead of failing."
  type        = bool
  default     = false
}

variable "timeout" {
  description = "Seconds until a release that is not ready counts as failed."
  type        = number
  default     = 300
}
