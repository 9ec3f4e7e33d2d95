{{- /* The flags, as JSON. The controller has its own defaults for values that are not set. */}}
{{- define "mtk-controller.args" -}}
{{- $values := .Values }}
{{- $certificateConfigMap := "" }}
{{- if $values.certificateConfigMap.enabled }}
{{- $certificateConfigMap = include "mtk-controller.certificateConfigMap" . }}
{{- end }}
{{- if $values.args }}
{{- toJson (concat $values.args $values.extraArgs) }}
{{- else }}
{{- $args := list
  (printf "--listen-addr=%s:%d" $values.listenHost (int $values.containerPorts.http))
  (printf "--listen-metrics-addr=%s:%d" $values.listenHost (int $values.containerPorts.metrics))
  (printf "--key-prefix=%s" $values.secretName) }}
{{- range $flag, $value := dict
  "namespace" $values.keyNamespace
  "certificate-config-map" $certificateConfigMap
  "key-cutoff-time" $values.keycutofftime
  "label-selector" $values.labelSelector
  "namespace-selector" $values.namespaceSelector
  "key-order-priority" $values.keyOrderPriority
  "key-renew-period" $values.keyrenewperiod
  "key-size" $values.keySize
  "key-ttl" $values.keyttl
  "privatekey-annotations" (include "mtk-controller.pairs" $values.privateKeyAnnotations)
  "privatekey-labels" (include "mtk-controller.pairs" $values.privateKeyLabels)
  "rate-limit" (ternary "" $values.rateLimit (eq (toString $values.rateLimit) "0"))
  "rate-limit-burst" $values.rateLimitBurst
  "trusted-proxies" (join "," $values.trustedProxies)
  "my-cn" $values.keyCommonName
  "allow-secret-type" (join "," $values.allowedSecretTypes)
  "log-format" $values.logFormat
  "log-level-file" (include "mtk-controller.logLevelFile" .)
  "workers" $values.workers
  "resync-period" $values.resyncPeriod }}
{{- if ne (toString $value) "" }}
{{- $args = append $args (printf "--%s=%s" $flag (toString $value)) }}
{{- end }}
{{- end }}
{{- if not $values.createFirstKey }}
{{- $args = append $args "--create-first-key=false" }}
{{- end }}
{{- if not $values.acceptDeprecatedV1Data }}
{{- $args = append $args "--accept-deprecated-v1-data=false" }}
{{- end }}
{{- if not $values.updateStatus }}
{{- $args = append $args "--update-status=false" }}
{{- end }}
{{- range $flag, $isSet := dict
  "log-info-stdout" $values.logInfoStdout
  "skip-recreate" $values.skipRecreate
  "watch-for-secrets" $values.watchForSecrets }}
{{- if $isSet }}
{{- $args = append $args (printf "--%s" $flag) }}
{{- end }}
{{- end }}
{{- range $flag, $value := dict
  "kubeclient-burst" $values.kubeClientBurst
  "kubeclient-qps" $values.kubeClientQPS
  "max-unseal-retries" $values.maxRetries }}
{{- with $value }}
{{- $args = append $args (printf "--%s=%s" $flag (toString .)) }}
{{- end }}
{{- end }}
{{- if include "mtk-controller.elects" . }}
{{- $election := $values.leaderElection }}
{{- $args = concat $args (list "--leader-elect" (printf "--leader-election-id=%s" (include "mtk-controller.lease" .))) }}
{{- range $flag, $value := dict
  "lease-duration" $election.leaseDuration
  "renew-deadline" $election.renewDeadline
  "retry-period" $election.retryPeriod }}
{{- with $value }}
{{- $args = append $args (printf "--leader-election-%s=%s" $flag .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $values.copyToolMetadata }}
{{- $args = append $args "--copy-tool-metadata" }}
{{- end }}
{{- if $values.metrics.omitSecretLabels }}
{{- $args = append $args "--metrics-omit-secret-labels=true" }}
{{- end }}
{{- if $values.metrics.tls.enabled }}
{{- $args = append $args "--metrics-secure" }}
{{- with $values.metrics.tls.secretName }}
{{- $args = append $args "--metrics-cert-dir=/etc/mtk-controller/metrics" }}
{{- end }}
{{- if $values.metrics.authorization.enabled }}
{{- $args = append $args "--metrics-auth" }}
{{- end }}
{{- end }}
{{- if ne (include "mtk-controller.namespaces" .) "[]" }}
{{- $args = append $args "--all-namespaces=false" }}
{{- with $values.additionalNamespaces }}
{{- $args = append $args (printf "--additional-namespaces=%s" (join "," .)) }}
{{- end }}
{{- end }}
{{- $external := $values.externalSecrets }}
{{- if $external.enabled }}
{{- range $flag, $value := dict
  "controller-class" $external.controllerClass
  "event-max-silence" $external.eventMaxSilence
  "external-workers" $external.workers
  "store-requeue-interval" $external.storeRequeueInterval
  "min-list-interval" $external.minListInterval
  "aws-quota-percent" $external.awsQuotaPercent
  "template-left-delimiter" $external.templateLeftDelimiter
  "template-right-delimiter" $external.templateRightDelimiter }}
{{- if ne (toString $value) "" }}
{{- $args = append $args (printf "--%s=%s" $flag (toString $value)) }}
{{- end }}
{{- end }}
{{- if ne $external.podIdentity "all" }}
{{- $args = append $args (printf "--pod-identity=%s" $external.podIdentity) }}
{{- end }}
{{- range $queue := $external.eventQueues }}
{{- $text := $queue.url }}
{{- with $queue.region }}
{{- $text = printf "%s,region=%s" $text . }}
{{- end }}
{{- with $queue.role }}
{{- $text = printf "%s,role=%s" $text . }}
{{- end }}
{{- $args = append $args (printf "--event-queue=%s" $text) }}
{{- end }}
{{- if include "mtk-controller.caVolume" . }}
{{- $args = append $args "--ca-bundle=/etc/mtk-controller/ca/ca.crt" }}
{{- end }}
{{- if not $external.dataHash }}
{{- $args = append $args "--data-hash=false" }}
{{- end }}
{{- if not $external.copyMetadata }}
{{- $args = append $args "--copy-metadata=false" }}
{{- end }}
{{- if $external.requireAdoptAnnotation }}
{{- $args = append $args "--require-adopt-annotation" }}
{{- end }}
{{- else }}
{{- $args = append $args "--external-secrets=false" }}
{{- end }}
{{- if $values.restart.enabled }}
{{- $args = append $args "--restart-workloads" }}
{{- with $values.restart.delay }}
{{- $args = append $args (printf "--restart-delay=%s" .) }}
{{- end }}
{{- with $values.restart.minInterval }}
{{- $args = append $args (printf "--restart-min-interval=%s" .) }}
{{- end }}
{{- end }}
{{- toJson (concat $args $values.extraArgs) }}
{{- end }}
{{- end }}
