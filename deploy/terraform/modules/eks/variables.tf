variable "name" {
  description = "Name of the cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use up to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes. EKS upgrades one minor version at a time."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "Give a minor version, such as 1.35."
  }
}

variable "control_plane_subnet_ids" {
  description = "Subnets of the control plane's network interfaces, in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.control_plane_subnet_ids) >= 2
    error_message = "EKS needs subnets in at least two zones."
  }
}

variable "node_subnet_ids" {
  description = "Private subnets of the nodes. Auto Mode chooses the subnets of its nodes itself."
  type        = list(string)
}

variable "public_access_cidrs" {
  description = "Ranges that reach the API server over the Internet. Without any, it is reached from the VPC only."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Give ranges such as 192.0.2.0/24. A range of the whole Internet is refused."
  }
}

variable "support_type" {
  description = "`STANDARD`: EKS upgrades the cluster when standard support ends. `EXTENDED`: it stays, at six times the price."
  type        = string
  default     = "STANDARD"

  validation {
    condition     = contains(["STANDARD", "EXTENDED"], var.support_type)
    error_message = "Choose STANDARD or EXTENDED."
  }
}

variable "deletion_protection" {
  description = "Whether EKS refuses to delete the cluster."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "How long the logs of the control plane are kept."
  type        = number
  default     = 365
}

variable "access" {
  description = "Users of the API server: the ARN of a role or user, with an access policy of EKS. Without namespaces, the policy holds in the whole cluster. The creator has no access by itself."
  type = map(object({
    principal_arn = string
    policy        = optional(string, "AmazonEKSClusterAdminPolicy")
    namespaces    = optional(set(string), [])
  }))

  validation {
    condition     = anytrue([for entry in values(var.access) : entry.policy == "AmazonEKSClusterAdminPolicy" && length(entry.namespaces) == 0])
    error_message = "Nobody could administrate the cluster. Give one entry the policy AmazonEKSClusterAdminPolicy, without namespaces."
  }

  validation {
    condition     = length(distinct(values(var.access)[*].principal_arn)) == length(var.access)
    error_message = "Two entries have the same principal. EKS keeps one entry for each principal: merge them."
  }
}

variable "nodes" {
  description = "Managed node groups, for a cluster without Auto Mode. `ami_type` has to fit the processors of `instance_types`."
  type = map(object({
    instance_types = list(string)
    ami_type       = optional(string, "BOTTLEROCKET_ARM_64")
    capacity_type  = optional(string, "ON_DEMAND")
    min_size       = number
    max_size       = number
  }))
  default = {}

  validation {
    condition     = alltrue([for group in values(var.nodes) : group.min_size >= 1 && group.max_size >= group.min_size])
    error_message = "Each group needs at least one node, and `max_size` of at least `min_size`."
  }

  validation {
    condition     = alltrue([for group in values(var.nodes) : contains(["ON_DEMAND", "SPOT"], group.capacity_type)])
    error_message = "`capacity_type` is ON_DEMAND or SPOT."
  }

  validation {
    condition     = var.auto_mode ? length(var.nodes) == 0 : length(var.nodes) > 0
    error_message = "Give at least one group, or none with `auto_mode`: EKS then manages the nodes."
  }
}

variable "addon_versions" {
  description = "Versions of the add-ons vpc-cni, eks-pod-identity-agent, coredns and kube-proxy. Without a version, EKS chooses its default for the Kubernetes version."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.addon_versions), ["vpc-cni", "eks-pod-identity-agent", "coredns", "kube-proxy"])) == 0
    error_message = "Name only vpc-cni, eks-pod-identity-agent, coredns and kube-proxy."
  }

  validation {
    condition     = var.auto_mode ? length(var.addon_versions) == 0 : true
    error_message = "Auto Mode has these add-ons built in. Remove the versions."
  }
}

variable "auto_mode" {
  description = "EKS Auto Mode: EKS manages nodes, network, DNS, load balancers and disks. It replaces the node groups, the add-ons and the AWS Load Balancer Controller."
  type        = bool
  default     = false
}

variable "argocd" {
  description = "The managed Argo CD of EKS. It needs an instance of IAM Identity Center. `admins`, `editors` and `viewers` are ids of its groups. `namespace` cannot change later."
  type = object({
    identity_center_arn    = optional(string)
    identity_center_region = optional(string)
    namespace              = optional(string, "argocd")
    admins                 = optional(set(string), [])
    editors                = optional(set(string), [])
    viewers                = optional(set(string), [])
    vpc_endpoint_ids       = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.argocd == null ? true : can(regex("^arn:[a-z-]+:sso:::instance/", var.argocd.identity_center_arn))
    error_message = "The managed Argo CD knows only users of IAM Identity Center. Set `identity_center_arn` to the ARN of your instance, such as arn:aws:sso:::instance/ssoins-0123456789abcdef."
  }

  validation {
    condition     = var.argocd == null ? true : length(var.argocd.admins) > 0
    error_message = "Nobody could administrate Argo CD. Name at least one group in `admins`."
  }
}

variable "tags" {
  description = "Tags of everything in the module."
  type        = map(string)
  default     = {}
}
