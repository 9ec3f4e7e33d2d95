{{- /* What a schema cannot say: values that contradict each other. */}}
{{- define "mtk-controller.validate" -}}
{{- $values := .Values }}
{{- $metrics := $values.metrics }}
{{- /* The reason is in the schema's list of values, for Helm to print; it is no value. */}}
{{- if not (regexMatch "^[01]$" (toString $values.replicaCount)) }}
{{- fail "replicaCount: 0 or 1" }}
{{- end }}
{{- if and $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled }}
{{- fail "metrics: serviceMonitor and podMonitor would both scrape the one Pod: enable one of them" }}
{{- end }}
{{- if and $metrics.serviceMonitor.enabled (not $metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor needs metrics.service.enabled=true; metrics.podMonitor needs no Service" }}
{{- end }}
{{- if eq (int $values.containerPorts.http) (int $values.containerPorts.metrics) }}
{{- fail "containerPorts: http and metrics are two ports: the certificate is for everybody, the metrics are not" }}
{{- end }}
{{- if not (or $values.serviceAccount.create $values.serviceAccount.name) }}
{{- fail "serviceAccount.create=false needs serviceAccount.name: the account `default` is every Pod's, and would get the controller's rights" }}
{{- end }}
{{- end }}
