{{- /* Rejects values that contradict each other, which a schema cannot express. */}}
{{- define "mtk-controller.validate" -}}
{{- $values := .Values }}
{{- $metrics := $values.metrics }}
{{- /* The schema lists the reason as a value, so that Helm prints it. Reject that value here. */}}
{{- if not (regexMatch "^[01]$" (toString $values.replicaCount)) }}
{{- fail "replicaCount: 0 or 1" }}
{{- end }}
{{- if and $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled }}
{{- fail "metrics: serviceMonitor and podMonitor would both scrape the Pod: enable one of them" }}
{{- end }}
{{- if and $metrics.serviceMonitor.enabled (not $metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor needs metrics.service.enabled=true; metrics.podMonitor needs no Service" }}
{{- end }}
{{- if and $metrics.authorization.enabled (not $metrics.tls.enabled) }}
{{- fail "metrics.authorization needs metrics.tls.enabled=true: without TLS, others could read the tokens" }}
{{- end }}
{{- if and $metrics.authorization.enabled $metrics.podMonitor.enabled (not $metrics.podMonitor.authorization) }}
{{- fail "metrics.authorization needs metrics.podMonitor.authorization: a PodMonitor does not use the token of Prometheus" }}
{{- end }}
{{- if and (has "*" $values.externalSecrets.serviceAccounts) (gt (len $values.externalSecrets.serviceAccounts) 1) }}
{{- fail "externalSecrets.serviceAccounts: `*` is every ServiceAccount: list no others" }}
{{- end }}
{{- if and $values.externalSecrets.caBundle.configMap $values.externalSecrets.caBundle.secret }}
{{- fail "externalSecrets.caBundle: set configMap or secret, not both" }}
{{- end }}
{{- if eq (int $values.containerPorts.http) (int $values.containerPorts.metrics) }}
{{- fail "containerPorts: http and metrics must differ: any client may read the certificate, but not the metrics" }}
{{- end }}
{{- if not (or $values.serviceAccount.create $values.serviceAccount.name) }}
{{- fail "serviceAccount.create=false needs serviceAccount.name: the account `default` belongs to every Pod, which would get the controller's permissions" }}
{{- end }}
{{- end }}
