variable "prefix" {
  description = "First part of the names, without a slash at its end, such as `demo/prod`. The secret `app` is then `demo/prod/app`."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*$", var.prefix))
    error_message = "Write the prefix without a slash at either end, as in demo/prod."
  }
}

variable "names" {
  description = "Names of the secrets. They are given beside the values, because Terraform may not see the keys of ephemeral values."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.names : can(regex("^[A-Za-z0-9_+=.@-]+$", name))])
    error_message = "Names have letters, digits and the characters _+=.@-, and no slash."
  }
}

variable "values" {
  description = "Values: for each name, a map from key to value. They are ephemeral: neither the plan nor the state contains them, and an apply of a saved plan needs them again."
  type        = map(map(string))
  ephemeral   = true
  sensitive   = true
}

variable "revisions" {
  description = "For each name, a number that is increased when its values change; 1 if the name is missing. A change of values without a new number has no effect, and no plan shows it."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for revision in values(var.revisions) : revision >= 1 && floor(revision) == revision])
    error_message = "Revisions are whole numbers from 1."
  }
  validation {
    condition     = length(setsubtract(keys(var.revisions), var.names)) == 0
    error_message = "Each key of revisions must be one of the names. Correct the key, or add it to names."
  }
}

variable "rotated" {
  description = "Names whose values AWS rotates after the first apply. Their revision has to stay 1: a higher one would put the old value back."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.rotated, var.names)) == 0
    error_message = "Each entry of rotated must be one of the names."
  }
}

variable "kms_key_arn" {
  description = "ARN of a key of your own. Without it, the key of Secrets Manager is used, which other accounts cannot use."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "Give the ARN of a KMS key, as in arn:aws:kms:eu-central-1:123456789012:key/ID, or leave it out."
  }
}

variable "recovery_window_in_days" {
  description = "Days during which a deleted secret can be restored, and its name cannot be used again: 7 to 30, or 0 for none."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_in_days == 0 || (var.recovery_window_in_days >= 7 && var.recovery_window_in_days <= 30)
    error_message = "Choose 0, or 7 to 30 days. AWS accepts nothing else."
  }
}

variable "reader_arns" {
  description = "ARNs of the roles that may read the values: that of the controller, and those of store roles."
  type        = set(string)

  validation {
    condition     = length(var.reader_arns) > 0 && alltrue([for arn in var.reader_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", arn))])
    error_message = "Give the ARN of at least one role, as in arn:aws:iam::123456789012:role/controller."
  }
}

variable "owner_arns" {
  description = "ARNs of the roles that may write and read the values: that of Terraform, that of rotation, and those of people. Every other principal is denied, except the root user, so leave none out."
  type        = set(string)

  validation {
    condition     = length(var.owner_arns) > 0 && alltrue([for arn in var.owner_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "Give the ARN of at least one owner, first of all that of the role which runs Terraform. Otherwise no one could change the secrets."
  }
}

variable "replica_regions" {
  description = "Regions that receive a copy of each secret."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.replica_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Give names of regions, as in eu-west-1."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
