terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.3"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 3.4"
    }
  }

  # Bucket, region and key are in ../backend.s3.tfbackend.
  backend "s3" {
    key          = "app.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = local.settings.region
  allowed_account_ids = [local.settings.account]

  default_tags {
    tags = local.settings.tags
  }
}

# The token is in no plan and in no state.
ephemeral "aws_eks_cluster_auth" "this" {
  name = data.aws_eks_cluster.this.name
}

provider "kubernetes" {
  host                   = data.aws_eks_cluster.this.endpoint
  cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
  token                  = ephemeral.aws_eks_cluster_auth.this.token
}

provider "helm" {
  kubernetes = {
    host                   = data.aws_eks_cluster.this.endpoint
    cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
    token                  = ephemeral.aws_eks_cluster_auth.this.token
  }
}

locals {
  settings = yamldecode(file("${path.module}/../settings.yaml"))
  app      = local.settings.app
  lattice  = local.settings.lattice.enabled

  store = {
    apiVersion = "external-secrets.io/v1"
    kind       = "SecretStore"
    metadata   = { name = "aws" }
    spec       = { provider = { aws = { service = "SecretsManager", region = local.settings.region } } }
  }
  lattice_route = {
    apiVersion = "gateway.networking.k8s.io/v1"
    kind       = "HTTPRoute"
    metadata   = { name = "${local.app.name}-lattice" }
    spec = {
      parentRefs = [{ name = local.settings.name, namespace = "lattice", sectionName = "https" }]
      hostnames  = [local.app.host]
      rules      = [{ backendRefs = [{ name = local.app.name, port = 80 }] }]
    }
  }

  values = {
    service = { type = "ClusterIP" }
    httpRoute = {
      enabled = true
      # Only the listener with TLS: without a section, the route would also serve plain HTTP.
      parentRefs = [{ name = "public", namespace = "gateway", sectionName = "https" }]
      hostnames  = [local.app.host]
    }
    # The chart then refuses what the load balancer would ignore.
    alb     = { enabled = true }
    lattice = { targetGroupPolicy = { enabled = local.lattice } }
    networkPolicy = {
      enabled = true
      ingress = {
        from    = [for range in data.aws_subnet.public[*].cidr_block : { ipBlock = { cidr = range } }]
        lattice = local.lattice
      }
    }
    extraObjects = [for object in [local.store, local.lattice_route] : object if local.lattice || object.kind == "SecretStore"]
  }
}

data "aws_eks_cluster" "this" {
  name = local.settings.name
}

# Requests of the public load balancer come from the public subnets: a load balancer is not a Pod.
data "aws_subnets" "public" {
  tags = { tier = "public" }

  filter {
    name   = "vpc-id"
    values = [data.aws_eks_cluster.this.vpc_config[0].vpc_id]
  }
}

data "aws_subnet" "public" {
  count = length(local.settings.network.zones)

  id = data.aws_subnets.public.ids[count.index]
}

module "app" {
  source = "../../../modules/app"

  name      = local.app.name
  namespace = local.app.namespace
  namespace_labels = merge(
    {
      "gateway-access"                          = "public"
      "elbv2.k8s.aws/pod-readiness-gate-inject" = "enabled"
    },
    local.lattice ? {
      "lattice-access"                                           = local.settings.name
      "application-networking.k8s.aws/pod-readiness-gate-inject" = "enabled"
    } : {},
  )
  secret = {
    external = {
      store = "aws"
      keys  = [for name in keys(local.settings.secrets) : "${local.settings.secret_prefix}${name}"]
    }
  }
  values = [yamlencode(local.values), yamlencode(local.app.values)]
}

output "values" {
  description = "Values of the release. They contain no secret."
  value       = module.app.values
}
