{{- /* Rejects values that contradict each other. The schema checks each value. */}}
{{- define "app.validate" -}}
{{- include "app.validateNames" . }}
{{- include "app.validateSecrets" . }}
{{- include "app.validateRollout" . }}
{{- include "app.validateNetwork" . }}
{{- include "app.validateAws" . }}
{{- if ge (add (int .Values.stopDelaySeconds) 5) (int .Values.terminationGracePeriodSeconds) }}
{{- fail "terminationGracePeriodSeconds must be more than stopDelaySeconds plus five seconds: otherwise no time is left to finish requests" }}
{{- end }}
{{- $hpa := .Values.autoscaling }}
{{- if $hpa.enabled }}
{{- if gt (int $hpa.minReplicas) (int $hpa.maxReplicas) }}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" }}
{{- end }}
{{- if not (or $hpa.targetCPUUtilizationPercentage $hpa.targetMemoryUtilizationPercentage $hpa.metrics) }}
{{- fail "autoscaling has no metric: set autoscaling.targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage or metrics" }}
{{- end }}
{{- end }}
{{- $pdb := .Values.podDisruptionBudget }}
{{- if not (or (kindIs "invalid" $pdb.minAvailable) (kindIs "invalid" $pdb.maxUnavailable)) }}
{{- fail "podDisruptionBudget: set one of minAvailable and maxUnavailable" }}
{{- end }}
{{- if and .Values.rbac.create (eq (include "app.serviceAccountName" .) "default") }}
{{- fail "rbac.create would give its permissions to every Pod in the namespace: set serviceAccount.create or serviceAccount.name" }}
{{- end }}
{{- end }}

{{- define "app.validateNames" -}}
{{- if and .Values.name .Values.nameOverride (ne .Values.name .Values.nameOverride) }}
{{- fail "name is the deprecated form of nameOverride: set one of them" }}
{{- end }}
{{- $ours := list "PORT" "STOP_DELAY" "STOP_TIMEOUT" "SECRETS_DIR" "APP_SECRETS" "REQUIRED_SECRETS" }}
{{- $instead := dict "PORT" "containerPort" "STOP_DELAY" "stopDelaySeconds" "STOP_TIMEOUT" "terminationGracePeriodSeconds" "SECRETS_DIR" "secrets.asFiles.path" "APP_SECRETS" "secrets.names" "REQUIRED_SECRETS" "secrets.required" }}
{{- range $ours }}
{{- if hasKey $.Values.config . }}
{{- fail (printf "config.%s would not reach the app: set %s" . (get $instead .)) }}
{{- end }}
{{- end }}
{{- /* Without this check, the API server would only report "field is immutable". */}}
{{- $existing := lookup "apps/v1" "Deployment" .Release.Namespace (include "app.fullname" .) }}
{{- with dig "spec" "selector" "matchLabels" dict $existing }}
{{- $wanted := include "app.selectorLabels" $ | fromYaml }}
{{- if ne (toJson .) (toJson $wanted) }}
{{- fail (printf "the Deployment %s selects its Pods by %s, which cannot change to %s: set nameOverride to the existing app.kubernetes.io/name" (include "app.fullname" $) (toJson .) (toJson $wanted)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "app.validateSecrets" -}}
{{- $secrets := .Values.secrets }}
{{- $sources := list }}
{{- if .Values.envSecrets }}{{ $sources = append $sources "envSecrets" }}{{ end }}
{{- if $secrets.sealedSecret.enabled }}{{ $sources = append $sources "secrets.sealedSecret" }}{{ end }}
{{- if $secrets.externalSecret.enabled }}{{ $sources = append $sources "secrets.externalSecret" }}{{ end }}
{{- if $secrets.existingSecret }}{{ $sources = append $sources "secrets.existingSecret" }}{{ end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "the app's secrets must have one source, but these are set: %s" (join ", " $sources)) }}
{{- end }}
{{- if and $sources (not $secrets.enabled) }}
{{- fail (printf "%s is set, but secrets.enabled is false" (first $sources)) }}
{{- end }}
{{- include "app.validateMove" (dict "root" . "moves" $sources) }}
{{- if and $secrets.enabled (not $secrets.asEnv.enabled) (not $secrets.asFiles.enabled) (not .Values.envSecrets) }}
{{- fail "the secrets would not reach the app: enable secrets.asEnv or secrets.asFiles, or set secrets.enabled=false" }}
{{- end }}
{{- with include "app.secretName" . }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" .) }}
{{- fail (printf "%q cannot be the name of a Secret" .) }}
{{- end }}
{{- end }}
{{- if and $secrets.checksum (not (or $secrets.sealedSecret.enabled $secrets.externalSecret.enabled)) }}
{{- fail "secrets.checksum needs secrets.sealedSecret or secrets.externalSecret: the chart does not know the content of other Secrets" }}
{{- end }}
{{- $external := $secrets.externalSecret }}
{{- if $external.enabled }}
{{- if not $external.storeRef.name }}
{{- fail "secrets.externalSecret.storeRef.name is missing" }}
{{- end }}
{{- if not (or $external.data $external.dataFrom) }}
{{- fail "secrets.externalSecret reads no value: set data or dataFrom" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Rejects upgrades from envSecrets to sealed values, or back, that would delete the Secret. Helm deletes
an object that leaves the release without the annotation `keep`, and the garbage collector deletes a
Secret that a SealedSecret owned. The check needs a cluster. */}}
{{- define "app.validateMove" -}}
{{- $root := .root }}
{{- $name := printf "%s-secret" $root.Release.Name }}
{{- if and .moves (eq (include "app.secretName" $root) $name) }}
{{- $metadata := dig "metadata" dict (lookup "v1" "Secret" $root.Release.Namespace $name) }}
{{- $annotations := $metadata.annotations | default dict }}
{{- if $root.Values.envSecrets }}
{{- range $metadata.ownerReferences }}
{{- if eq .kind "SealedSecret" }}
{{- fail (printf "Secret %s belongs to SealedSecret %s and would be deleted with it. Release it first: kubectl delete sealedsecret %s -n %s --cascade=orphan" $name .name .name $root.Release.Namespace) }}
{{- end }}
{{- end }}
{{- else if and (eq (toString (get $annotations "meta.helm.sh/release-name")) $root.Release.Name) (ne (toString (get $annotations "helm.sh/resource-policy")) "keep") }}
{{- fail (printf "Helm would delete Secret %s, which an older chart created. Tell Helm to keep it first: kubectl annotate secret %s -n %s helm.sh/resource-policy=keep sealedsecrets.bitnami.com/managed=true" $name $name $root.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "app.validateRollout" -}}
{{- $rollout := .Values.rollout }}
{{- if and (ne $rollout.provider "none") (eq .Values.strategy.type "Recreate") }}
{{- fail (printf "strategy.type=Recreate and rollout.provider=%s contradict each other" $rollout.provider) }}
{{- end }}
{{- if eq $rollout.provider "flagger" }}
{{- if ne (include "app.serviceType" .) "ClusterIP" }}
{{- fail "Flagger creates the Services, of type ClusterIP: set service.type=ClusterIP, and route requests with ingress or httpRoute" }}
{{- end }}
{{- if .Values.metrics.serviceMonitor.enabled }}
{{- fail "Flagger's Services have other labels: use metrics.podMonitor instead of metrics.serviceMonitor" }}
{{- end }}
{{- if .Values.service.extraPorts }}
{{- fail "Flagger creates the Services: set rollout.flagger.service.portDiscovery instead of service.extraPorts" }}
{{- end }}
{{- if and (hasPrefix "gatewayapi" $rollout.flagger.canary.provider) (not (include "app.parentRefs" . | fromYamlArray)) }}
{{- fail "Flagger's provider for the Gateway API needs a Gateway: set httpRoute.parentRefs or gateway.enabled" }}
{{- end }}
{{- end }}
{{- end }}
