{{- /* By default the load balancer of a Gateway is the only one. */}}
{{- define "app.serviceType" -}}
{{- .Values.service.type | default (ternary "ClusterIP" "LoadBalancer" (or .Values.httpRoute.enabled .Values.grpcRoute.enabled)) }}
{{- end }}

{{- /* The Gateways that a route attaches to. Takes root and route. */}}
{{- define "app.parents" -}}
{{- $parents := .route.parentRefs }}
{{- if and (not $parents) .root.Values.gateway.enabled }}
{{- $parents = list (dict "name" (include "app.gatewayName" .root)) }}
{{- end }}
{{- $refs := list }}
{{- range $parents }}
{{- $ref := . }}
{{- with $.route.sectionName }}
{{- $ref = merge dict $ref (dict "sectionName" .) }}
{{- end }}
{{- $refs = append $refs $ref }}
{{- end }}
{{- toYaml $refs }}
{{- end }}

{{- /* The Gateways of the HTTPRoute. */}}
{{- define "app.parentRefs" -}}
{{- include "app.parents" (dict "root" . "route" .Values.httpRoute) }}
{{- end }}

{{- define "app.gatewayName" -}}
{{- .Values.gateway.name | default (include "app.fullname" .) }}
{{- end }}

{{- /* "true" if the HTTP listener of this chart's Gateway serves the app beside the HTTPS listener. */}}
{{- define "app.servesPlainHttp" -}}
{{- $protocols := list }}
{{- range .Values.gateway.listeners }}{{ $protocols = append $protocols .protocol }}{{ end }}
{{- if and .Values.gateway.enabled .Values.httpRoute.enabled (has "HTTP" $protocols) (has "HTTPS" $protocols) }}
{{- range include "app.parentRefs" . | fromYamlArray }}
{{- if not .sectionName }}true{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Attributes of a load balancer or target group, as AWS lists them. */}}
{{- define "app.attributes" -}}
{{- $list := list }}
{{- range $key, $value := . }}
{{- $list = append $list (dict "key" $key "value" $value) }}
{{- end }}
{{- toYaml $list }}
{{- end }}

{{- /* The target of a policy of VPC Lattice. Takes root and policy. */}}
{{- define "app.latticeTarget" -}}
{{- $own := eq .policy.targetKind "Gateway" | ternary (include "app.gatewayName" .root) (include "app.fullname" .root) -}}
targetRef:
  group: gateway.networking.k8s.io
  kind: {{ .policy.targetKind }}
  name: {{ .policy.targetName | default $own | quote }}
{{- end }}
