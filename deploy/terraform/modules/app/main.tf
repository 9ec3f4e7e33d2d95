locals {
  name = var.secret.name == null ? {} : { name = var.secret.name }

  source = try(
    { existingSecret = coalesce(var.secret.existing) },
    { sealedSecret = { enabled = true, manifest = coalesce(var.secret.sealed) } },
    {
      externalSecret = {
        enabled  = true
        storeRef = { name = var.secret.external.store, kind = var.secret.external.store_kind }
        dataFrom = [for key in var.secret.external.keys : { extract = { key = key } }]
      }
    },
    {},
  )

  values = concat(
    [yamlencode({ fullnameOverride = var.name, secrets = merge(local.name, local.source) })],
    var.values,
  )
}

resource "kubernetes_namespace_v1" "this" {
  count = var.create_namespace ? 1 : 0

  metadata {
    name = var.namespace
    labels = merge(var.namespace_labels, {
      "pod-security.kubernetes.io/enforce" = "restricted"
    })
  }
}

resource "helm_release" "this" {
  name      = var.name
  namespace = var.create_namespace ? one(kubernetes_namespace_v1.this[*].metadata[0].name) : var.namespace
  chart     = coalesce(var.chart, "${path.module}/../../../charts/app")
  version   = var.chart_version
  values    = local.values

  upgrade_install = var.adopt
  # A failed upgrade goes back to the version that worked.
  atomic          = true
  cleanup_on_fail = true
  lint            = true
  wait            = true
  timeout         = var.timeout
  # Each revision keeps its values in the cluster.
  max_history = 5
}
