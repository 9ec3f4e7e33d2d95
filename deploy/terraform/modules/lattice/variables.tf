variable "name" {
  description = "Name of the service network, and of the Gateway in the cluster that stands for it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}[a-z0-9]$", var.name))
    error_message = "Use 3 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "service_network_arn" {
  description = "A service network that another account shares. Without it, the module makes one, with its policy and its log."
  type        = string
  default     = null

  validation {
    condition     = var.service_network_arn == null ? true : can(regex("^arn:[a-z-]+:vpc-lattice:[a-z0-9-]+:[0-9]{12}:servicenetwork/", var.service_network_arn))
    error_message = "Give the ARN of a service network, such as arn:aws:vpc-lattice:eu-central-1:123456789012:servicenetwork/sn-0123456789abcdef0."
  }
}

variable "associations" {
  description = "VPCs whose clients reach the services, by name. `client_security_group_ids` are the groups of the clients. A VPC has at most one association."
  type = map(object({
    vpc_id                    = string
    client_security_group_ids = set(string)
  }))

  validation {
    condition     = length(distinct(values(var.associations)[*].vpc_id)) == length(var.associations)
    error_message = "A VPC can be associated with one service network only, and once. Remove the second association, or use an endpoint of type service network."
  }

  validation {
    condition     = alltrue([for association in values(var.associations) : length(association.client_security_group_ids) > 0])
    error_message = "Name the security groups of the clients in each VPC. Without any, nobody could call a service."
  }
}

variable "allowed_accounts" {
  description = "Accounts whose principals may call the services. This account by default."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.allowed_accounts) <= 500 && alltrue([for account in var.allowed_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "Give at most 500 account ids of 12 digits: a policy of VPC Lattice has at most 10 KB."
  }
}

variable "auth_policy" {
  description = "Policy of the service network as JSON, instead of the one that allows `allowed_accounts`."
  type        = string
  default     = null

  validation {
    condition     = var.auth_policy == null ? true : length(var.auth_policy) <= 10240
    error_message = "VPC Lattice accepts policies of at most 10 KB. Shorten it, or move rules to the policies of services."
  }

  validation {
    condition = var.auth_policy == null ? true : alltrue([
      for statement in try(jsondecode(var.auth_policy).Statement, [null]) :
      try(contains(["Allow", "Deny"], statement.Effect) && can(statement.Principal) && can(statement.Action) && can(statement.Resource), false)
    ])
    error_message = "Give a policy in the language of IAM: a list `Statement` whose entries have Effect, Principal, Action and Resource."
  }

  validation {
    condition = var.auth_policy == null ? true : alltrue([
      for statement in try(jsondecode(var.auth_policy).Statement, []) :
      try(statement.Effect == "Allow" && contains(["*", jsonencode({ AWS = "*" })], try(tostring(statement.Principal), jsonencode(statement.Principal))) && length(try(statement.Condition, {})) == 0, false) == false
    ])
    error_message = "A statement allows everybody. Add a condition, such as aws:PrincipalAccount."
  }
}

variable "log_days" {
  description = "How long the log of requests is kept."
  type        = number
  default     = 365
}

variable "cluster" {
  description = "The EKS cluster whose Pods are targets. `security_group_id` is the group of its nodes, and `ports` are the ports of the Pods."
  type = object({
    name              = string
    arn               = string
    vpc_id            = string
    security_group_id = string
    ports             = optional(set(number), [8080])
  })

  validation {
    condition     = can(regex("^arn:[a-z-]+:eks:[a-z0-9-]+:[0-9]{12}:cluster/", var.cluster.arn))
    error_message = "Give the ARN of an EKS cluster, such as arn:aws:eks:eu-central-1:123456789012:cluster/demo."
  }
}

variable "certificate_arn" {
  description = "Certificate in ACM for host names of your own. Without it, services have only the names of VPC Lattice, which change when a service is made again."
  type        = string
  default     = null
}

variable "installed_by" {
  description = "Installer of the controller and the Kubernetes objects: `terraform`, or `gitops`. With `gitops`, this module makes only what is in AWS, and its output `objects` lists the objects for the repository."
  type        = string
  default     = "terraform"

  validation {
    condition     = contains(["terraform", "gitops"], var.installed_by)
    error_message = "Choose terraform or gitops: only one of them may own the objects."
  }
}

variable "namespace" {
  description = "Namespace of the Gateway."
  type        = string
  default     = "lattice"
}

variable "controller_version" {
  description = "Version of the AWS Gateway API Controller and its chart."
  type        = string
  default     = "v2.1.3"
}

variable "controller_repository" {
  description = "Helm repository of the AWS Gateway API Controller, or your mirror of it."
  type        = string
  default     = "oci://public.ecr.aws/aws-application-networking-k8s"
}

variable "internet" {
  description = "Whether the controller reaches the Internet. It reads tags through an API that has no endpoint in a VPC, and leaves that out without the Internet."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything in AWS."
  type        = map(string)
  default     = {}
}
