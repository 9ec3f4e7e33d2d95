{{- /* Rejects values that contradict each other, which a schema cannot express. */}}
{{- define "mtk-controller.validate" -}}
{{- $values := .Values }}
{{- $metrics := $values.metrics }}
{{- if and (gt (int $values.replicaCount) 1) (not (include "mtk-controller.elects" .)) }}
{{- fail "replicaCount: more than one replica need leaderElection.enabled, because two controllers would work against each other" }}
{{- end }}
{{- if and (include "mtk-controller.hasBudget" .) (lt (int $values.replicaCount) 2) }}
{{- fail "pdb.create: with one replica, a PodDisruptionBudget would only block node drains; set replicaCount: 2" }}
{{- end }}
{{- $isSet := list (ne (toString $values.pdb.minAvailable) "") (ne (toString $values.pdb.maxUnavailable) "") }}
{{- if and (include "mtk-controller.hasBudget" .) (not (has false $isSet)) }}
{{- fail "pdb: set minAvailable or maxUnavailable, not both" }}
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
