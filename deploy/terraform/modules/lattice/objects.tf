locals {
  # The controller finds the service network by the name of the Gateway, in any namespace.
  objects = [
    {
      apiVersion = "gateway.networking.k8s.io/v1"
      kind       = "GatewayClass"
      metadata   = { name = "amazon-vpc-lattice" }
      spec       = { controllerName = "application-networking.k8s.aws/gateway-api-controller" }
    },
    {
      apiVersion = "gateway.networking.k8s.io/v1"
      kind       = "Gateway"
      metadata   = { name = var.name, namespace = var.namespace }
      spec = {
        gatewayClassName = "amazon-vpc-lattice"
        listeners = [{
          name          = "https"
          port          = 443
          protocol      = "HTTPS"
          allowedRoutes = { namespaces = { from = "Selector", selector = { matchLabels = { lattice-access = var.name } } } }
          tls = merge(
            # The Gateway API wants a reference. The controller ignores it, and takes the certificate from ACM.
            { mode = "Terminate", certificateRefs = [{ name = "unused" }] },
            var.certificate_arn == null ? {} : { options = { "application-networking.k8s.aws/certificate-arn" = var.certificate_arn } },
          )
        }]
      }
    },
  ]
}
