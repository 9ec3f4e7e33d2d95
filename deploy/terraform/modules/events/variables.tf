variable "name" {
  description = "Name of the rule and of the queue. The dead-letter queue has the same name with `-dead` at its end."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,59}$", var.name))
    error_message = "Choose a name of 1 to 59 letters, digits, hyphens and underscores. Names of rules have at most 64 characters."
  }
}

variable "secret_name_prefixes" {
  description = "Prefixes of the names of the secrets in Secrets Manager whose changes are announced, such as `demo/prod/`."
  type        = set(string)

  validation {
    condition     = alltrue([for prefix in var.secret_name_prefixes : can(regex("^[A-Za-z0-9/_+=.@-]+/$", prefix))])
    error_message = "End each prefix with a slash, as in demo/prod/. Without it, demo/prod would also match demo/production."
  }
}

variable "parameter_name_prefixes" {
  description = "Prefixes of the names of the parameters in Parameter Store whose changes are announced, such as `/demo/prod/`."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.parameter_name_prefixes : can(regex("^/[A-Za-z0-9/_.-]+/$", prefix))])
    error_message = "Begin and end each prefix with a slash, as in /demo/prod/."
  }
}

variable "deletions" {
  description = "Whether the deletion and restoration of secrets are announced too. This needs a trail of CloudTrail in the account."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of a key of your own for the queues. Its policy must let events.amazonaws.com use kms:GenerateDataKey and kms:Decrypt. Without it, SQS encrypts with a key of its own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "Give the ARN of a KMS key, as in arn:aws:kms:eu-central-1:123456789012:key/ID, or leave it out."
  }
}

variable "alarm_topic_arns" {
  description = "ARNs of SNS topics that receive the alarm when a message reaches the dead-letter queue."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z-]+:sns:", arn))])
    error_message = "Give ARNs of SNS topics, as in arn:aws:sns:eu-central-1:123456789012:alarms."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
