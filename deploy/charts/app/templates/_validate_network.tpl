{{- /* Rejects settings of the network that contradict each other, and those that AWS ignores. */}}
{{- define "app.validateNetwork" -}}
{{- $service := .Values.service }}
{{- $type := include "app.serviceType" . }}
{{- if ne $type "LoadBalancer" }}
{{- range $field := list "loadBalancerClass" "loadBalancerSourceRanges" "allocateLoadBalancerNodePorts" }}
{{- $value := get $service $field }}
{{- if or $value (kindIs "bool" $value) }}
{{- fail (printf "service.%s is for service.type=LoadBalancer only" $field) }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq $type "ClusterIP" }}
{{- range $field := list "externalTrafficPolicy" "nodePort" }}
{{- if get $service $field }}
{{- fail (printf "service.%s is for service.type=LoadBalancer or NodePort only" $field) }}
{{- end }}
{{- end }}
{{- else if eq (toString $service.clusterIP) "None" }}
{{- fail "service.clusterIP=None is for service.type=ClusterIP only" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress has no hosts" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not (include "app.parentRefs" . | fromYamlArray)) }}
{{- fail "httpRoute needs a Gateway: set httpRoute.parentRefs or gateway.enabled" }}
{{- end }}
{{- if and .Values.grpcRoute.enabled (not (include "app.parents" (dict "root" . "route" .Values.grpcRoute) | fromYamlArray)) }}
{{- fail "grpcRoute needs a Gateway: set grpcRoute.parentRefs or gateway.enabled" }}
{{- end }}
{{- if and .Values.gateway.enabled (not .Values.gateway.className) }}
{{- fail "gateway.className is missing" }}
{{- end }}
{{- $policy := .Values.networkPolicy }}
{{- if and $policy.enabled (not (or $policy.ingress.allowAll $policy.ingress.lattice $policy.ingress.from $policy.ingress.extra)) }}
{{- fail "networkPolicy would block all requests to the app: set networkPolicy.ingress.from, lattice, extra or allowAll" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would scrape every Pod twice: enable one of them" }}
{{- end }}
{{- end }}

{{- define "app.validateAws" -}}
{{- include "app.validateAlb" . }}
{{- $lattice := .Values.lattice }}
{{- if and $lattice.iamAuthPolicy.enabled (not $lattice.iamAuthPolicy.policy) }}
{{- fail "lattice.iamAuthPolicy.policy is missing" }}
{{- end }}
{{- range $name := list "iamAuthPolicy" "accessLogPolicy" }}
{{- $policy := get $lattice $name }}
{{- $route := get $.Values (eq $policy.targetKind "GRPCRoute" | ternary "grpcRoute" "httpRoute") }}
{{- if and $policy.enabled (ne $policy.targetKind "Gateway") (not (or $route.enabled $policy.targetName)) }}
{{- fail (printf "lattice.%s needs a target: enable the %s, or set lattice.%s.targetName" $name $policy.targetKind $name) }}
{{- end }}
{{- end }}
{{- if and $lattice.accessLogPolicy.enabled (not $lattice.accessLogPolicy.destinationArn) }}
{{- fail "lattice.accessLogPolicy.destinationArn is missing" }}
{{- end }}
{{- $iam := $lattice.iamAuthPolicy }}
{{- if $iam.enabled }}
{{- if gt (len (toJson $iam.policy)) 10240 }}
{{- fail "lattice.iamAuthPolicy.policy is longer than 10 KB, which Lattice rejects: allow an organisation or a path of roles instead of single roles" }}
{{- end }}
{{- range $iam.policy.Statement }}
{{- $principal := .Principal }}
{{- if kindIs "map" $principal }}{{ $principal = $principal.AWS }}{{ end }}
{{- if and (eq .Effect "Allow") (not .Condition) (or (eq (toString $principal) "*") (and (kindIs "slice" $principal) (has "*" $principal))) }}
{{- fail "lattice.iamAuthPolicy.policy allows every caller: name roles in Principal, or add a Condition" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* An ALB ignores these without an error. */}}
{{- define "app.validateAlb" -}}
{{- $alb := .Values.alb }}
{{- if $alb.enabled }}
{{- $route := .Values.httpRoute }}
{{- $timeouts := $route.timeouts }}
{{- range $route.rules }}
{{- $timeouts = $timeouts | default .timeouts }}
{{- range .filters }}
{{- if has .type (list "CORS" "RequestMirror" "ResponseHeaderModifier") }}
{{- fail (printf "an ALB ignores the filter %s: remove it from httpRoute.rules" .type) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $timeouts }}
{{- fail "an ALB ignores the timeouts of an HTTPRoute: remove them, and set idle_timeout.timeout_seconds of the load balancer instead" }}
{{- end }}
{{- end }}
{{- if and $alb.loadBalancerConfiguration.enabled (not .Values.gateway.enabled) }}
{{- fail "alb.loadBalancerConfiguration is for a Gateway of this release: set gateway.enabled, or configure the load balancer where its Gateway is" }}
{{- end }}
{{- range $name := list "loadBalancerConfiguration" "targetGroupConfiguration" }}
{{- if and (get $alb $name).enabled (not $alb.enabled) }}
{{- fail (printf "alb.%s needs alb.enabled" $name) }}
{{- end }}
{{- end }}
{{- end }}
