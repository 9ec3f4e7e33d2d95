data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region

  lbc              = var.controller == "lbc"
  install          = var.installed_by == "terraform"
  install_lbc      = local.lbc && local.install
  lbc_namespace    = "kube-system"
  lbc_account_name = "aws-load-balancer-controller"
}

# This module installs no CustomResourceDefinitions of the Gateway API: they have one owner in a cluster, and
# a second one would replace them with another version.
data "kubernetes_resource" "gateway_api" {
  count = local.install ? 1 : 0

  api_version = "apiextensions.k8s.io/v1"
  kind        = "CustomResourceDefinition"

  metadata {
    name = "gateways.gateway.networking.k8s.io"
  }

  lifecycle {
    postcondition {
      condition     = startswith(try(self.object.metadata.annotations["gateway.networking.k8s.io/bundle-version"], ""), "v1.6.")
      error_message = "The cluster needs the Gateway API in version 1.6. Install it first: kubectl apply --server-side -k 'https://github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1.6.3'"
    }
  }
}

resource "helm_release" "lbc" {
  count = local.install_lbc ? 1 : 0

  name       = "aws-load-balancer-controller"
  namespace  = local.lbc_namespace
  repository = var.controller_repository
  chart      = "aws-load-balancer-controller"
  version    = var.controller_version
  wait       = true
  values = [yamlencode({
    clusterName  = var.cluster_name
    region       = local.region
    vpcId        = var.vpc_id
    replicaCount = var.controller_replicas
    serviceAccount = {
      create = true
      name   = local.lbc_account_name
    }
    # If a CustomResourceDefinition is missing, the controller ignores its kind until it restarts. With all three, it
    # reports an error instead.
    controllerConfig = {
      featureGates = {
        ALBGatewayAPI      = true
        NLBGatewayAPI      = true
        GatewayListenerSet = true
      }
    }
    crds = { gatewayAPI = { standard = { enabled = false } } }
    # A Service of type LoadBalancer would otherwise get a load balancer of its own.
    enableServiceMutatorWebhook = false
    createIngressClassResource  = false
    defaultTargetType           = "ip"
    enableShield                = false
    enableWaf                   = false
    enableWafv2                 = var.waf != null
    # Otherwise each upgrade would replace the certificate of the webhooks.
    keepTLSSecret = true
  })]

  # A Pod gets credentials only if the association exists when it starts.
  depends_on = [
    aws_eks_pod_identity_association.lbc,
    aws_iam_role_policy.lbc,
    data.kubernetes_resource.gateway_api,
  ]
}

resource "helm_release" "objects" {
  count = local.install ? 1 : 0

  name             = "gateway"
  namespace        = var.namespace
  create_namespace = true
  chart            = "${path.module}/../../charts/objects"
  wait             = true
  values           = [yamlencode({ objects = local.objects })]

  # The controller deletes the load balancer when the Gateway goes, so it has to be the last to leave.
  depends_on = [
    aws_acm_certificate_validation.this,
    aws_s3_bucket_policy.logs,
    helm_release.lbc,
    data.kubernetes_resource.gateway_api,
  ]
}
