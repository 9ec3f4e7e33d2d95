variable "name" {
  description = "Name of the VPC, and the prefix of the names of everything in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use up to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "cidr" {
  description = "The range of the VPC, with a prefix of 16 bits."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give an IPv4 range with a prefix of 16 bits, such as 10.0.0.0/16: the subnets are cut from it."
  }
}

variable "zones" {
  description = "The slot (0 to 3) of each availability zone. The slot decides the ranges of the zone's subnets, so a zone keeps them when another zone leaves."
  type        = map(number)

  validation {
    condition     = length(var.zones) > 0 && alltrue([for slot in values(var.zones) : contains([0, 1, 2, 3], slot)])
    error_message = "Name at least one zone, and give each a slot from 0 to 3."
  }

  validation {
    condition     = length(distinct(values(var.zones))) == length(var.zones)
    error_message = "Two zones have the same slot. Give each zone a slot of its own."
  }
}

variable "nat" {
  description = "How private subnets reach the Internet: `none`, `single` (one gateway), `per_zone` (one for each zone) or `regional` (one that AWS spreads over the zones)."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["none", "single", "per_zone", "regional"], var.nat)
    error_message = "Choose none, single, per_zone or regional."
  }
}

variable "endpoints" {
  description = "Services that the private subnets reach through an interface endpoint. S3 always has a gateway endpoint, which costs nothing."
  type        = set(string)
  default     = []

  validation {
    condition = length(setsubtract(var.endpoints, [
      "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "kms", "logs", "secretsmanager", "sqs", "ssm", "sts",
    ])) == 0
    error_message = "Choose among ec2, ecr.api, ecr.dkr, eks, eks-auth, elasticloadbalancing, kms, logs, secretsmanager, sqs, ssm and sts."
  }

  validation {
    condition = var.nat != "none" ? true : length(setsubtract([
      "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "kms", "logs", "secretsmanager", "sts",
    ], var.endpoints)) == 0
    error_message = "Without NAT, nodes need at least the endpoints ec2, ecr.api, ecr.dkr, eks, eks-auth, elasticloadbalancing, kms, logs, secretsmanager and sts. Add them, or choose another `nat`."
  }
}

variable "endpoint_zones" {
  description = "Zones with interface endpoints; all by default. AWS bills each endpoint in each zone."
  type        = set(string)
  default     = null

  validation {
    condition     = var.endpoint_zones == null ? true : length(var.endpoint_zones) > 0 && length(setsubtract(var.endpoint_zones, keys(var.zones))) == 0
    error_message = "Name at least one zone, and only zones of `zones`."
  }
}

variable "secret_prefix" {
  description = "Secrets and parameters whose name starts with this text can be reached through the endpoints of Secrets Manager and Parameter Store. It ends with a slash."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/$", var.secret_prefix))
    error_message = "Give a path that does not start with a slash and ends with one, such as demo/dev/."
  }
}

variable "flow_log_days" {
  description = "How long the flow log is kept."
  type        = number
  default     = 365
}

variable "flow_log_kms_key_arn" {
  description = "Key that encrypts the flow log; a key of AWS by default. Its policy has to let CloudWatch Logs use it."
  type        = string
  default     = null
}

variable "flow_log_traffic" {
  description = "Traffic in the flow log: `ALL`, `ACCEPT` or `REJECT`."
  type        = string
  default     = "ALL"

  validation {
    condition     = contains(["ALL", "ACCEPT", "REJECT"], var.flow_log_traffic)
    error_message = "Choose ALL, ACCEPT or REJECT."
  }
}

variable "tags" {
  description = "Tags of everything in the module."
  type        = map(string)
  default     = {}
}
