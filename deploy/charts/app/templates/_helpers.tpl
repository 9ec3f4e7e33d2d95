{{- /* `name` is the old chart's value for nameOverride. */}}
{{- define "app.name" -}}
{{- .Values.nameOverride | default .Values.name | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Only the release's name, as in the old chart, so that Helm upgrades the old chart's objects in
place. 50 characters leave room for the suffixes. */}}
{{- define "app.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* Never change these: a Deployment's selector is immutable. */}}
{{- define "app.selectorLabels" -}}
{{- if and (eq .Values.rollout.provider "flagger") .Values.rollout.flagger.singleSelector -}}
app.kubernetes.io/name: {{ include "app.fullname" . | quote }}
{{- else -}}
app.kubernetes.io/name: {{ include "app.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}
{{- end }}

{{- /* Labels of Pods. They omit the chart and its version, so that a new chart restarts no Pods. */}}
{{- define "app.podLabels" -}}
{{- $ours := dict "app.kubernetes.io/instance" .Release.Name }}
{{- toYaml (merge (include "app.selectorLabels" . | fromYaml) $ours .Values.podLabels) }}
{{- end }}

{{- /* A selector for all Pods. Flagger's second Deployment has a different name label. */}}
{{- define "app.podSelector" -}}
{{- if eq .Values.rollout.provider "flagger" -}}
{{- $name := get (include "app.selectorLabels" . | fromYaml) "app.kubernetes.io/name" -}}
matchLabels:
  app.kubernetes.io/instance: {{ .Release.Name | quote }}
matchExpressions:
  - key: app.kubernetes.io/name
    operator: In
    values: [{{ $name | quote }}, {{ printf "%s-primary" $name | quote }}]
{{- else -}}
matchLabels:
  {{- include "app.selectorLabels" . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Metadata of an object. Takes root, and name, namespace, labels, annotations. */}}
{{- define "app.metadata" -}}
{{- $root := .root }}
{{- $selector := include "app.selectorLabels" $root | fromYaml }}
{{- $ours := dict
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/managed-by" $root.Release.Service
  "app.kubernetes.io/version" ($root.Chart.AppVersion | replace "+" "_")
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
name: {{ .name | default (include "app.fullname" $root) | quote }}
namespace: {{ .namespace | default $root.Release.Namespace | quote }}
labels:
  {{- toYaml (merge $selector $ours (.labels | default dict) $root.Values.labels) | nindent 2 }}
{{- with merge dict (.annotations | default dict) $root.Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "app.image" -}}
{{- $image := .Values.image }}
{{- $tag := $image.tag | default (ternary "" .Chart.AppVersion (ne $image.digest "")) }}
{{- $image.repository }}
{{- with $tag }}:{{ . }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "app.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "app.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- /* The minimum number of Pods. */}}
{{- define "app.minReplicas" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{- /* The port that the app listens on. In the old chart, service.targetPort set it. The app cannot use a
port below 1024, because it does not run as root. */}}
{{- define "app.port" -}}
{{- $target := .Values.service.targetPort }}
{{- if and (not (kindIs "string" $target)) (ge (int $target) 1024) }}
{{- int $target }}
{{- else }}
{{- int .Values.containerPort }}
{{- end }}
{{- end }}

{{- /* The target port of the Service: the app's, or a named port of a sidecar. */}}
{{- define "app.targetPort" -}}
{{- $target := .Values.service.targetPort }}
{{- if kindIs "string" $target }}
{{- $target | default "http" }}
{{- else -}}
http
{{- end }}
{{- end }}

{{- /* A value as text. Takes value and path, for errors, which do not show the value. Helm reads a number in
a values file as a float, which is exact up to 15 digits and, if it is an integer, below 2^53. `toString`
writes 1000000.5 with an exponent; `toJson` does so only from 1e21, and below 1e-6. */}}
{{- define "app.text" -}}
{{- if kindIs "float64" .value }}
{{- $text := toJson .value }}
{{- $integer := eq .value (floor .value) }}
{{- $digits := regexReplaceAll "^[-0.]+|[.]" $text "" }}
{{- $exact := and (le .value 9007199254740991.0) (ge .value -9007199254740991.0) }}
{{- if or (contains "e" $text) (not (ternary $exact (le (len $digits) 15) $integer)) }}
{{- fail (printf "%s is a number that Helm cannot pass on digit for digit: put it in quotes" .path) }}
{{- end }}
{{- $text }}
{{- else }}
{{- toString .value }}
{{- end }}
{{- end }}

{{- /* The settings as YAML. `envConfigs` is the old chart's name for `config`. */}}
{{- define "app.config" -}}
{{- $config := dict }}
{{- range $field := list "config" "envConfigs" }}
{{- range $name, $value := get $.Values $field }}
{{- if not (kindIs "invalid" $value) }}
{{- $_ := set $config $name (include "app.text" (dict "value" $value "path" (printf "%s.%s" $field $name))) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "app.configMapName" -}}
{{- include "app.fullname" . }}-config
{{- end }}

{{- /* "true" if the chart renders a monitoring object. Takes root, enabled, kind. */}}
{{- define "app.monitors" -}}
{{- if .enabled }}
{{- $mode := .root.Values.metrics.renderMode }}
{{- $exists := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if and (eq $mode "failIfMissing") (not $exists) }}
{{- fail (printf "metrics: this cluster has no %s (monitoring.coreos.com/v1): install the Prometheus operator, or set metrics.renderMode" .kind) }}
{{- end }}
{{- if or $exists (ne $mode "skipIfMissing") -}}
true
{{- end }}
{{- end }}
{{- end }}

{{- /* The scrape settings of a monitor. */}}
{{- define "app.scrape" -}}
{{- $fields := dict }}
{{- range $field := list "interval" "scrapeTimeout" "honorLabels" "relabelings" "metricRelabelings" }}
{{- with get $ $field }}
{{- $_ := set $fields $field . }}
{{- end }}
{{- end }}
{{- with $fields }}
{{- toYaml . }}
{{- end }}
{{- end }}
