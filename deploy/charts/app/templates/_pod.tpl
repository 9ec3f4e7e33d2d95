{{- /* The Pod template. */}}
{{- define "app.podTemplate" -}}
metadata:
  labels:
    {{- include "app.podLabels" . | nindent 4 }}
  {{- with include "app.podAnnotations" . | fromYaml }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "app.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  # Variables for each Service of the namespace could be taken for settings.
  enableServiceLinks: {{ .Values.enableServiceLinks }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  {{- range $field := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
  {{- with get $.Values $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- range $field := list "dnsConfig" "hostAliases" "nodeSelector" "tolerations" "affinity" }}
  {{- with get $.Values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with include "app.topologySpread" . | fromYamlArray }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "app.container" . | nindent 6 | trim }}
    {{- with .Values.sidecars }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  volumes:
    # The root file system is read-only.
    - name: tmp
      emptyDir:
        {{- toYaml .Values.tmp | nindent 8 }}
    {{- if .Values.secrets.asFiles.enabled }}
    {{- with include "app.secretName" . }}
    - name: secrets
      secret:
        secretName: {{ . | quote }}
        defaultMode: {{ int $.Values.secrets.asFiles.defaultMode }}
        optional: {{ include "app.secretOptional" $ }}
        {{- with $.Values.secrets.asFiles.items }}
        items:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- end }}
    {{- with .Values.volumes }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "app.podAnnotations" -}}
{{- $ours := dict }}
{{- with include "app.config" . | fromYaml }}
{{- $_ := set $ours "checksum/config" (toYaml . | sha256sum) }}
{{- end }}
{{- if .Values.secrets.checksum }}
{{- /* A checksum of the sealed values or of their source, never of plaintext. */}}
{{- if .Values.secrets.sealedSecret.enabled }}
{{- $_ := set $ours "checksum/secret" (include "app.sealed" . | sha256sum) }}
{{- else }}
{{- $_ := set $ours "checksum/secret" (toYaml .Values.secrets.externalSecret | sha256sum) }}
{{- end }}
{{- end }}
{{- toYaml (merge dict .Values.podAnnotations $ours) }}
{{- end }}

{{- define "app.container" -}}
name: app
image: {{ include "app.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ include "app.port" . }}
    protocol: TCP
{{- include "app.environment" . | nindent 0 }}
{{- range $name := list "livenessProbe" "readinessProbe" "startupProbe" }}
{{- with include "app.probe" (dict "root" $ "name" $name) }}
{{ $name }}:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.lifecycle }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if and .Values.secrets.asFiles.enabled (include "app.secretName" .) }}
  # Mount the whole directory: a file mounted with subPath never changes.
  - name: secrets
    mountPath: {{ .Values.secrets.asFiles.path }}
    readOnly: true
  {{- end }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* `env` takes precedence over the ConfigMap and the Secret in `envFrom`. */}}
{{- define "app.environment" -}}
{{- $secret := include "app.secretName" . }}
{{- $asEnv := or .Values.secrets.asEnv.enabled (not (empty .Values.envSecrets)) }}
{{- $delay := int .Values.stopDelaySeconds -}}
env:
  - name: PORT
    value: {{ include "app.port" . | quote }}
  # After SIGTERM the app reports that it is not ready, and keeps serving until all proxies and load
  # balancers have noticed. Then it finishes running requests. Five seconds of the grace period remain.
  - name: STOP_DELAY
    value: {{ $delay | quote }}
  - name: STOP_TIMEOUT
    value: {{ sub (int .Values.terminationGracePeriodSeconds) (add $delay 5) | quote }}
  {{- if and $secret .Values.secrets.asFiles.enabled }}
  - name: SECRETS_DIR
    value: {{ .Values.secrets.asFiles.path }}
  {{- end }}
  {{- if $secret }}
  {{- with concat (include "app.secretNames" . | fromJsonArray) .Values.secrets.names | uniq | sortAlpha }}
  - name: APP_SECRETS
    value: {{ join "," . | quote }}
  {{- end }}
  {{- with include "app.requiredSecrets" . | fromJsonArray }}
  - name: REQUIRED_SECRETS
    value: {{ join "," . | quote }}
  {{- end }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- $config := include "app.config" . | fromYaml }}
{{- if or $config (and $secret $asEnv) .Values.extraEnvFrom }}
envFrom:
  {{- if $config }}
  - configMapRef:
      name: {{ include "app.configMapName" . | quote }}
  {{- end }}
  {{- if and $secret $asEnv }}
  - secretRef:
      name: {{ $secret | quote }}
      optional: {{ include "app.secretOptional" . }}
    {{- if and .Values.secrets.asEnv.prefix (not .Values.envSecrets) }}
    prefix: {{ .Values.secrets.asEnv.prefix | quote }}
    {{- end }}
  {{- end }}
  {{- with .Values.extraEnvFrom }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* A probe, or nothing if it is null. Helm merges its values over the defaults, which contain httpGet,
so another kind of check must remove httpGet. A startup probe without a check uses the liveness check. */}}
{{- define "app.probe" -}}
{{- $probe := get .root.Values .name }}
{{- if $probe }}
{{- $checks := list "exec" "grpc" "tcpSocket" }}
{{- if and (eq .name "startupProbe") (not (or $probe.httpGet $probe.exec $probe.grpc $probe.tcpSocket)) }}
{{- $liveness := .root.Values.livenessProbe | default dict }}
{{- $probe = merge (pick $liveness "httpGet" "exec" "grpc" "tcpSocket") $probe }}
{{- end }}
{{- range $checks }}
{{- if get $probe . }}{{ $probe = omit $probe "httpGet" }}{{ end }}
{{- end }}
{{- if or $probe.httpGet $probe.exec $probe.grpc $probe.tcpSocket }}
{{- toYaml $probe }}
{{- end }}
{{- end }}
{{- end }}

{{- /* By default, Pods spread over zones and nodes if possible, separately for each version. */}}
{{- define "app.topologySpread" -}}
{{- $given := .Values.topologySpreadConstraints }}
{{- $selector := dict "matchLabels" (include "app.selectorLabels" . | fromYaml) }}
{{- $constraints := list }}
{{- if kindIs "slice" $given }}
{{- range $given }}
{{- $constraints = append $constraints (merge dict . (dict "labelSelector" $selector)) }}
{{- end }}
{{- else }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- $constraints = append $constraints (dict
  "maxSkew" 1
  "topologyKey" .
  "whenUnsatisfiable" "ScheduleAnyway"
  "labelSelector" $selector
  "matchLabelKeys" (list "pod-template-hash")) }}
{{- end }}
{{- end }}
{{- toYaml $constraints }}
{{- end }}
