variable "name" {
  description = "Name of the release."
  type        = string
  default     = "mtk-controller"
}

variable "namespace" {
  description = "Namespace of the controller and of its sealing keys."
  type        = string
  default     = "kube-system"
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

variable "event_queue_urls" {
  description = "URLs of the queues of events, such as the output queue_url of the module events."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for url in var.event_queue_urls : startswith(url, "https://")])
    error_message = "Give the URL of each queue, as in https://sqs.eu-central-1.amazonaws.com/123456789012/secret-changes, and not its ARN."
  }
}

variable "pod_identity_association_id" {
  description = "ID of the association that gives the controller its role in AWS. The release waits for it, and a new association restarts the controller."
  type        = string
  default     = null
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
    condition     = alltrue([for text in var.values : try(yamldecode(text).crds.keep, true) != false])
    error_message = "Leave crds.keep on. Otherwise a destroy deletes the CRDs, and with them all SealedSecrets and their Secrets."
  }
}

variable "timeout" {
  description = "Seconds until a release that is not ready counts as failed."
  type        = number
  default     = 300
}
