{{- /* Independent of the release's name, because clients look for a Service by a fixed name. */}}
{{- define "mtk-controller.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mtk-controller.fullname" -}}
{{- .Values.fullnameOverride | default (include "mtk-controller.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mtk-controller.namespace" -}}
{{- .Values.namespace | default .Release.Namespace }}
{{- end }}

{{- define "mtk-controller.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "mtk-controller.fullname" .) }}
{{- end }}

{{- define "mtk-controller.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mtk-controller.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Metadata of an object. Takes root, and name, namespace ("none" for cluster-scoped objects), labels,
annotations. */}}
{{- define "mtk-controller.metadata" -}}
{{- $root := .root }}
{{- $ours := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
  "app.kubernetes.io/version" ($root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/part-of" "mtk-seal" }}
{{- $selector := include "mtk-controller.selectorLabels" $root | fromYaml }}
{{- $annotations := merge dict (.annotations | default dict) $root.Values.commonAnnotations -}}
name: {{ .name | default (include "mtk-controller.fullname" $root) }}
{{- if ne (.namespace | default "-") "none" }}
namespace: {{ .namespace | default (include "mtk-controller.namespace" $root) }}
{{- end }}
labels:
  {{- toYaml (merge dict $selector $ours (.labels | default dict) $root.Values.commonLabels) | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "mtk-controller.image" -}}
{{- $image := .Values.image }}
{{- $tag := $image.tag | default (ternary "" .Chart.AppVersion (ne $image.digest "")) }}
{{- if $image.registry }}
{{- $image.registry }}/{{ trimPrefix "localhost/" $image.repository }}
{{- else }}
{{- $image.repository }}
{{- end }}
{{- with $tag }}:{{ . }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* The name of the Role that permits tokens for a ServiceAccount. Takes root, account. A Role's name has
at most 253 characters. A longer one is cut and ends with a hash. */}}
{{- define "mtk-controller.tokenRole" -}}
{{- $name := printf "%s-token-%s" (include "mtk-controller.fullname" .root) .account }}
{{- if gt (len $name) 253 }}
{{- $name = printf "%s-%s" ($name | trunc 240) (sha256sum $name | trunc 12) }}
{{- end }}
{{- $name }}
{{- end }}

{{- /* The ConfigMap with the certificate. A name has at most 253 characters, and the full name has 63. */}}
{{- define "mtk-controller.certificateConfigMap" -}}
{{- include "mtk-controller.fullname" . }}-certificate
{{- end }}

{{- /* A map as `key=value,key=value`. */}}
{{- define "mtk-controller.pairs" -}}
{{- $pairs := list }}
{{- range $key, $value := . }}
{{- $pairs = append $pairs (printf "%s=%s" $key $value) }}
{{- end }}
{{- join "," $pairs }}
{{- end }}

{{- /* The volume with the certificate authorities for AWS, as YAML; empty without any. */}}
{{- define "mtk-controller.caVolume" -}}
{{- $bundle := .Values.externalSecrets.caBundle }}
{{- if and .Values.externalSecrets.enabled (or $bundle.configMap $bundle.secret) -}}
name: ca-bundle
{{- if $bundle.configMap }}
configMap:
  name: {{ $bundle.configMap }}
{{- else }}
secret:
  secretName: {{ $bundle.secret }}
{{- end }}
  items:
    - key: {{ $bundle.key | quote }}
      path: ca.crt
{{- end }}
{{- end }}

{{- /* The watched namespaces as JSON. An empty list means all namespaces. */}}
{{- define "mtk-controller.namespaces" -}}
{{- $namespaces := list }}
{{- if or (not .Values.rbac.clusterRole) .Values.additionalNamespaces }}
{{- $own := .Values.keyNamespace | default (include "mtk-controller.namespace" .) }}
{{- $namespaces = concat (list $own) .Values.additionalNamespaces | uniq }}
{{- end }}
{{- toJson $namespaces }}
{{- end }}

{{- /* "true" if the CRD of this name is missing, belongs to this release, or is to be taken over. Always
"true" if templates are rendered without a cluster. */}}
{{- define "mtk-controller.rendersCrd" -}}
{{- $existing := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .name }}
{{- $annotations := dig "metadata" "annotations" dict $existing | default dict }}
{{- $release := printf "%s/%s" .root.Release.Namespace .root.Release.Name }}
{{- $owner := printf "%s/%s" (get $annotations "meta.helm.sh/release-namespace") (get $annotations "meta.helm.sh/release-name") }}
{{- if or (not $existing) .root.Values.crds.takeOwnership (eq $owner $release) -}}
true
{{- end }}
{{- end }}

{{- /* The file with the log level; empty if the flags set it. */}}
{{- define "mtk-controller.logLevelFile" -}}
{{- if and .Values.logLevel (not .Values.args) (not (contains "--log-level" (join " " .Values.extraArgs))) -}}
/etc/mtk-controller/log/level
{{- end }}
{{- end }}

{{- /* "true" if the replicas elect a leader. */}}
{{- define "mtk-controller.elects" -}}
{{- $enabled := .Values.leaderElection.enabled }}
{{- if kindIs "bool" $enabled }}
{{- ternary "true" "" $enabled }}
{{- else if gt (int .Values.replicaCount) 1 -}}
true
{{- end }}
{{- end }}

{{- /* "true" if there is a PodDisruptionBudget. */}}
{{- define "mtk-controller.hasBudget" -}}
{{- $create := .Values.pdb.create }}
{{- if kindIs "bool" $create }}
{{- ternary "true" "" $create }}
{{- else if gt (int .Values.replicaCount) 1 -}}
true
{{- end }}
{{- end }}

{{- define "mtk-controller.lease" -}}
{{- .Values.leaderElection.id | default (include "mtk-controller.fullname" .) }}
{{- end }}
