{{- /* The name of the Secret that the app reads, or empty if it reads none. By default the name does not
depend on the release, because sealed values are bound to it. */}}
{{- define "app.secretName" -}}
{{- $secrets := .Values.secrets }}
{{- if .Values.envSecrets }}
{{- .Release.Name }}-secret
{{- else if $secrets.enabled }}
{{- tpl ($secrets.existingSecret | default $secrets.name) . }}
{{- end }}
{{- end }}

{{- /* "true" if Pods start without the Secret: by default if the values set no source. */}}
{{- define "app.secretOptional" -}}
{{- $secrets := .Values.secrets }}
{{- $source := or .Values.envSecrets $secrets.existingSecret $secrets.sealedSecret.enabled $secrets.externalSecret.enabled }}
{{- if kindIs "bool" $secrets.optional }}
{{- $secrets.optional }}
{{- else }}
{{- not $source }}
{{- end }}
{{- end }}

{{- /* The content of the SealedSecret as YAML: from the manifest of mtk-seal, or from the values. */}}
{{- define "app.sealed" -}}
{{- include "app.validateSecrets" . }}
{{- $sealed := .Values.secrets.sealedSecret }}
{{- $name := include "app.secretName" . }}
{{- $encrypted := $sealed.encryptedData }}
{{- $template := $sealed.template }}
{{- $annotations := $sealed.annotations }}
{{- $labels := $sealed.labels }}
{{- $type := $sealed.type }}
{{- $immutable := false }}
{{- with $sealed.manifest }}
{{- $documents := list }}
{{- range splitList "\n---" (printf "\n%s" .) }}
{{- if regexMatch "(?m)^[^#\\s]" . }}{{ $documents = append $documents . }}{{ end }}
{{- end }}
{{- if ne (len $documents) 1 }}
{{- fail (printf "secrets.sealedSecret.manifest: %d documents; pass the one SealedSecret from mtk-seal" (len $documents)) }}
{{- end }}
{{- $manifest := first $documents | trimPrefix "---" | fromYaml }}
{{- if ne (toString (get $manifest "kind")) "SealedSecret" }}
{{- fail "secrets.sealedSecret.manifest is not a SealedSecret: pass the file from mtk-seal with --set-file" }}
{{- end }}
{{- $metadata := $manifest.metadata | default dict }}
{{- if ne (toString $metadata.name) $name }}
{{- fail (printf "secrets.sealedSecret.manifest is for the Secret %q, but the app reads %q: seal with --name %s, or set secrets.name" (toString $metadata.name) $name $name) }}
{{- end }}
{{- if ne ($metadata.namespace | default $.Release.Namespace) $.Release.Namespace }}
{{- fail (printf "secrets.sealedSecret.manifest is for the namespace %q, but this release is in %q" $metadata.namespace $.Release.Namespace) }}
{{- end }}
{{- $spec := $manifest.spec | default dict }}
{{- $inner := $spec.template | default dict }}
{{- $outer := $inner.metadata | default dict }}
{{- $encrypted = $spec.encryptedData | default dict }}
{{- $type = $inner.type | default $type }}
{{- $immutable = $inner.immutable | default false }}
{{- $template = dict
  "labels" (merge dict $template.labels ($outer.labels | default dict))
  "annotations" (merge dict $template.annotations ($outer.annotations | default dict))
  "data" (merge dict $template.data ($inner.data | default dict)) }}
{{- $annotations = merge dict $annotations ($metadata.annotations | default dict) }}
{{- $labels = merge dict $labels ($metadata.labels | default dict) }}
{{- end }}
{{- if not $encrypted }}
{{- fail (printf "secrets.sealedSecret has no sealed values. Seal them with `mtk-seal --name %s --namespace %s < secrets.env > sealed.yaml`, and pass them with `--set-file secrets.sealedSecret.manifest=sealed.yaml`" $name .Release.Namespace) }}
{{- end }}
{{- if ne $sealed.scope "strict" }}
{{- $annotations = merge (dict (printf "sealedsecrets.bitnami.com/%s" $sealed.scope) "true") $annotations }}
{{- end }}
{{- toYaml (dict
  "encryptedData" $encrypted
  "template" $template
  "annotations" $annotations
  "labels" $labels
  "type" $type
  "immutable" $immutable) }}
{{- end }}

{{- /* The keys of the Secret that the chart knows, as a JSON list. */}}
{{- define "app.secretKeys" -}}
{{- $secrets := .Values.secrets }}
{{- $keys := list }}
{{- if .Values.envSecrets }}
{{- $keys = keys .Values.envSecrets }}
{{- else if and $secrets.enabled $secrets.sealedSecret.enabled }}
{{- $sealed := include "app.sealed" . | fromYaml }}
{{- /* A null in the template removes a value from the Secret. */}}
{{- range $key := concat (keys $sealed.encryptedData) (keys $sealed.template.data) | uniq }}
{{- if not (and (hasKey $sealed.template.data $key) (kindIs "invalid" (get $sealed.template.data $key))) }}
{{- $keys = append $keys $key }}
{{- end }}
{{- end }}
{{- else if and $secrets.enabled $secrets.externalSecret.enabled (not (dig "template" "data" dict $secrets.externalSecret.target)) }}
{{- range $secrets.externalSecret.data }}
{{- $keys = append $keys .secretKey }}
{{- end }}
{{- end }}
{{- toJson ($keys | sortAlpha) }}
{{- end }}

{{- /* The names by which the app sees these keys, as a JSON list. It omits the names of settings. */}}
{{- define "app.secretNames" -}}
{{- $secrets := .Values.secrets }}
{{- $settings := list "API_BASE_URL" "APP_SECRETS" "ENVIRONMENT" "HOSTNAME" "LISTEN_ADDRESS" "LOG_FORMAT" "LOG_LEVEL" "MAX_CONNECTIONS" "PATH" "PORT" "REQUIRED_SECRETS" "SECRETS_DIR" "STOP_DELAY" "STOP_TIMEOUT" "WORKERS" }}
{{- $names := list }}
{{- $keys := include "app.secretKeys" . | fromJsonArray }}
{{- if or $secrets.asEnv.enabled .Values.envSecrets }}
{{- range $keys }}
{{- $names = append $names (printf "%s%s" (ternary "" $secrets.asEnv.prefix (not (empty $.Values.envSecrets))) .) }}
{{- end }}
{{- else if $secrets.asFiles.items }}
{{- range $secrets.asFiles.items }}
{{- $names = append $names .path }}
{{- end }}
{{- else }}
{{- $names = $keys }}
{{- end }}
{{- $shown := list }}
{{- range $names }}
{{- if and (not (has . $settings)) (regexMatch "^[-_a-zA-Z0-9][-._a-zA-Z0-9]*$" .) }}
{{- $shown = append $shown . }}
{{- end }}
{{- end }}
{{- toJson $shown }}
{{- end }}

{{- /* The secrets that the app needs to be ready, as a JSON list. */}}
{{- define "app.requiredSecrets" -}}
{{- if .Values.secrets.required }}
{{- toJson .Values.secrets.required }}
{{- else if eq (include "app.secretOptional" .) "true" }}
{{- toJson list }}
{{- else }}
{{- include "app.secretNames" . }}
{{- end }}
{{- end }}

{{- /* "true" if the Deployment asks mtk-controller for a restart when the Secret changes. With Flagger it
does not: Flagger watches the Secret itself and starts a canary. */}}
{{- define "app.restartsOnChange" -}}
{{- $secrets := .Values.secrets }}
{{- if and (include "app.secretName" .) (ne .Values.rollout.provider "flagger") }}
{{- if kindIs "bool" $secrets.restartOnChange }}
{{- $secrets.restartOnChange | ternary "true" "" }}
{{- else }}
{{- or $secrets.asEnv.enabled (not (empty .Values.envSecrets)) | ternary "true" "" }}
{{- end }}
{{- end }}
{{- end }}
