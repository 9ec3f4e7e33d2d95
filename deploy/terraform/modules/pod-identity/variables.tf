variable "name" {
  description = "Name of the role, and of its policy."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "Choose a name of 1 to 64 letters, digits and characters of +=,.@_-"
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster. It needs the add-on eks-pod-identity-agent, or Auto Mode."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster. Only its Pods can take the role."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:eks:[a-z0-9-]+:[0-9]{12}:cluster/", var.cluster_arn))
    error_message = "Give the ARN of an EKS cluster, as in arn:aws:eks:eu-central-1:123456789012:cluster/demo."
  }
}

variable "namespace" {
  description = "Namespace of the ServiceAccount."
  type        = string
}

variable "service_account" {
  description = "Name of the ServiceAccount whose Pods take the role."
  type        = string
}

variable "secret_name_prefixes" {
  description = "Prefixes of the names of the secrets that may be read, such as `demo/prod/`. Empty allows none."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.secret_name_prefixes : can(regex("^[A-Za-z0-9/_+=.@-]+/$", prefix))])
    error_message = "End each prefix with a slash, as in demo/prod/. Without it, demo/prod would also allow demo/production."
  }
}

variable "list_secrets" {
  description = "Whether all secrets of the account may be listed: their names and tags, not their values. `find` and lists of versions need this."
  type        = bool
  default     = false
}

variable "parameter_name_prefixes" {
  description = "Prefixes of the names of the parameters that may be read, such as `/demo/prod/`. Empty allows none."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.parameter_name_prefixes : can(regex("^/[A-Za-z0-9/_.-]+/$", prefix))])
    error_message = "Begin and end each prefix with a slash, as in /demo/prod/."
  }
}

variable "list_parameters" {
  description = "Whether all parameters of the account may be listed: their names, tags and versions, not their values. `find` by tag and reads of versions need this."
  type        = bool
  default     = false
}

variable "kms_key_arns" {
  description = "ARNs of your own keys that encrypt the secrets and parameters."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.kms_key_arns : can(regex("^arn:[a-z-]+:kms:.*:key/", arn))])
    error_message = "Give ARNs of keys, as in arn:aws:kms:eu-central-1:123456789012:key/ID. Policies do not follow aliases."
  }
}

variable "queue_arns" {
  description = "ARNs of the queues of events that may be received."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.queue_arns : can(regex("^arn:[a-z-]+:sqs:", arn))])
    error_message = "Give ARNs of SQS queues, such as the output queue_arn of the module events."
  }
}

variable "queue_kms_key_arns" {
  description = "ARNs of your own keys that encrypt these queues."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.queue_kms_key_arns : can(regex("^arn:[a-z-]+:kms:.*:key/", arn))])
    error_message = "Give ARNs of keys, as in arn:aws:kms:eu-central-1:123456789012:key/ID. Policies do not follow aliases."
  }
}

variable "store_role_arns" {
  description = "ARNs of the roles of stores that may be assumed."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.store_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "Give the full ARN of each role, as in arn:aws:iam::123456789012:role/demo-secrets."
  }
}

variable "policies" {
  description = "Further policies of the role, by name, in JSON: for Pods that are not the controller."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for policy in values(var.policies) : can(jsondecode(policy).Statement)])
    error_message = "Each policy is JSON with statements. Write it with jsonencode, or read it with file."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
