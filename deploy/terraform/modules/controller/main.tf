locals {
  # Pods get their credentials when they are created. The annotation makes a new association replace the Pod.
  identity = var.pod_identity_association_id == null ? {} : {
    podAnnotations = { "mtk.mytomorrows.com/pod-identity-association" = var.pod_identity_association_id }
  }

  events = length(var.event_queue_urls) == 0 ? {} : {
    externalSecrets = { eventQueues = [for url in var.event_queue_urls : { url = url }] }
  }
}

resource "helm_release" "this" {
  name             = var.name
  namespace        = var.namespace
  create_namespace = var.namespace != "kube-system"
  chart            = coalesce(var.chart, "${path.module}/../../../charts/mtk-controller")
  version          = var.chart_version
  values           = concat([yamlencode(merge(local.identity, local.events))], var.values)

  # A failed upgrade goes back to the version that worked.
  atomic          = true
  cleanup_on_fail = true
  lint            = true
  wait            = true
  timeout         = var.timeout
  # Each revision keeps its values in the cluster.
  max_history = 5
}
