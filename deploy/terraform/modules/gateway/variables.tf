variable "name" {
  description = "Prefix of the names of everything in AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use up to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster. Only this cluster may use the controller's role."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:eks:[a-z0-9-]+:[0-9]{12}:cluster/", var.cluster_arn))
    error_message = "Give the ARN of an EKS cluster, such as arn:aws:eks:eu-central-1:123456789012:cluster/demo."
  }
}

variable "vpc_id" {
  description = "VPC of the load balancers. The controller cannot find it itself, because Pods cannot reach the metadata of their nodes."
  type        = string
}

variable "controller" {
  description = "Maker of the load balancers: `lbc` is the AWS Load Balancer Controller, `auto_mode` is EKS Auto Mode. Auto Mode has settings of its own, so most variables have no effect with it and are refused."
  type        = string
  default     = "lbc"

  validation {
    condition     = contains(["lbc", "auto_mode"], var.controller)
    error_message = "Choose lbc or auto_mode."
  }
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
  description = "Namespace of the Gateway and its settings."
  type        = string
  default     = "gateway"
}

variable "hostname" {
  description = "Host names that the Gateway serves, such as *.demo.example.org."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate in ACM for the host names. Without it, `zone_id` makes one. Auto Mode finds its certificate by the host name."
  type        = string
  default     = null

  validation {
    condition     = (var.certificate_arn == null) != (var.zone_id == null)
    error_message = "Give either `certificate_arn` or `zone_id`."
  }

  validation {
    condition     = var.certificate_arn == null ? true : can(regex("^arn:[a-z-]+:acm:", var.certificate_arn))
    error_message = "Give the ARN of a certificate in ACM, in the region of the load balancer."
  }
}

variable "zone_id" {
  description = "Public zone in Route 53. The module makes a certificate for `hostname` and proves it there."
  type        = string
  default     = null
}

variable "source_ranges" {
  description = "Ranges that may reach the load balancer. Say 0.0.0.0/0 if all may."
  type        = list(string)

  validation {
    condition     = var.controller == "auto_mode" ? length(var.source_ranges) == 0 : length(var.source_ranges) > 0
    error_message = "Name at least one range: without any, the controller lets in everybody. With `auto_mode` leave it empty, since this module cannot set it there."
  }

  validation {
    condition     = alltrue([for range in var.source_ranges : can(cidrhost(range, 0))])
    error_message = "Give ranges such as 192.0.2.0/24."
  }
}

variable "ssl_policy" {
  description = "TLS versions and ciphers of the load balancer. The default accepts TLS 1.2 and 1.3."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "Choose a policy whose name starts with ELBSecurityPolicy-TLS13-1-2- or ELBSecurityPolicy-TLS13-1-3-: others accept TLS 1.0 or 1.1."
  }
}

variable "health_check_path" {
  description = "Path that targets answer with 200 when they are ready. A TargetGroupConfiguration of an app can override it."
  type        = string
  default     = "/readyz"
}

variable "idle_timeout" {
  description = "Seconds without data after which the load balancer closes a connection. At least the longest answer of an app: a load balancer ignores `timeouts` of an HTTPRoute."
  type        = number
  default     = 60
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer. Turn it off before you remove the Gateway."
  type        = bool
  default     = false

  validation {
    condition     = var.controller == "auto_mode" ? !var.deletion_protection : true
    error_message = "With `auto_mode`, this module cannot set it. Leave it out."
  }
}

variable "waf" {
  description = "Whether a web ACL protects the load balancer. `rate_limit` is the number of requests from one address in five minutes."
  type = object({
    rate_limit = optional(number, 2000)
  })
  default = null

  validation {
    condition     = var.controller == "auto_mode" ? var.waf == null : true
    error_message = "With `auto_mode`, this module cannot attach a web ACL. Leave it out."
  }

  validation {
    condition     = var.waf == null ? true : var.waf.rate_limit >= 10
    error_message = "AWS WAF accepts limits of at least 10."
  }
}

variable "access_log_days" {
  description = "How long access logs are kept in a bucket of this module. With 0, there are none."
  type        = number
  default     = 0

  validation {
    condition     = var.controller == "auto_mode" ? var.access_log_days == 0 : true
    error_message = "With `auto_mode`, this module cannot set it. Leave it out."
  }
}

variable "controller_version" {
  description = "Version of the AWS Load Balancer Controller and its chart. Its rights are those of this release."
  type        = string
  default     = "3.7.0"

  validation {
    condition     = startswith(var.controller_version, "3.7.")
    error_message = "The rights in this module are those of 3.7. Compare the policy of the other release with tests/lbc-3.7.txt first."
  }
}

variable "controller_repository" {
  description = "Helm repository of the AWS Load Balancer Controller, or your mirror of it."
  type        = string
  default     = "https://aws.github.io/eks-charts"
}

variable "controller_replicas" {
  description = "Pods of the AWS Load Balancer Controller. One of them works, the others wait."
  type        = number
  default     = 2
}

variable "tags" {
  description = "Tags of everything in AWS, and of the load balancers."
  type        = map(string)
  default     = {}
}
