{{- /* Applies values of the charts sealed-secrets and external-secrets, as files/peer-values.yaml describes. Every
template includes this first: Helm renders them in no particular order, and the first one does the work. */}}
{{- define "mtk-controller.peers" -}}
{{- if not (hasKey .Values "peersApplied") }}
{{- $_ := set .Values "peersApplied" true }}
{{- include "mtk-controller.fill" (list .Values (.Files.Get "files/defaults.yaml" | fromYaml)) }}
{{- $problems := list }}
{{- $notes := list }}
{{- $peers := .Files.Get "files/peer-values.yaml" | fromYaml }}
{{- range $entry := concat (get $peers "sealed-secrets") (get $peers "external-secrets") }}
{{- $value := $.Values }}
{{- range splitList "." $entry.value }}
{{- if kindIs "map" $value }}
{{- $value = get $value . }}
{{- else }}
{{- $value = "" }}
{{- end }}
{{- end }}
{{- $unset := list "null" "\"\"" "{}" "[]" }}
{{- range $entry.default }}
{{- $unset = append $unset (toJson .) }}
{{- end }}
{{- if not (has (toJson $value) $unset) }}
{{- if $entry.sets }}
{{- $path := splitList "." $entry.sets }}
{{- $target := $.Values }}
{{- range initial $path }}
{{- $target = get $target . }}
{{- end }}
{{- $_ := set $target (last $path) $value }}
{{- else if $entry.refused }}
{{- $problems = append $problems (printf "%s: %s" $entry.value $entry.refused) }}
{{- else }}
{{- $notes = append $notes (printf "%s: %s" $entry.value $entry.ignored) }}
{{- end }}
{{- end }}
{{- end }}
{{- $values := .Values }}
{{- $scoped := get $values "scopedNamespace" }}
{{- with $scoped }}
{{- $_ := set $values "additionalNamespaces" (append $values.additionalNamespaces . | uniq) }}
{{- end }}
{{- if and (eq (toJson (get $values "processClusterStore")) "false") $values.rbac.clusterRole (not $values.additionalNamespaces) }}
{{- $problems = append $problems "processClusterStore: use rbac.clusterRole: false, so that the controller ignores ClusterSecretStores" }}
{{- end }}
{{- with get $values "securityContext" }}
{{- $_ := set $values "containerSecurityContext" (mergeOverwrite (deepCopy $values.containerSecurityContext) .) }}
{{- end }}
{{- with get $values "serviceMonitor" }}
{{- if .enabled }}
{{- $_ := set $values.metrics.service "enabled" true }}
{{- end }}
{{- end }}
{{- with get $values "grafanaDashboard" }}
{{- $labels := deepCopy $values.metrics.dashboards.labels }}
{{- if .sidecarLabel }}
{{- $labels = mergeOverwrite $labels (dict .sidecarLabel (.sidecarLabelValue | default "1")) }}
{{- end }}
{{- $_ := set $values.metrics.dashboards "labels" (mergeOverwrite $labels (.extraLabels | default dict)) }}
{{- end }}
{{- with $values.global }}
{{- $_ := set $values "nodeSelector" (merge dict $values.nodeSelector (.nodeSelector | default dict)) }}
{{- $_ := set $values "tolerations" ($values.tolerations | default (.tolerations | default list)) }}
{{- $_ := set $values "affinity" ($values.affinity | default (.affinity | default dict)) }}
{{- end }}
{{- if regexMatch "(^|/)(sealed-secrets-controller|external-secrets)$" $values.image.repository }}
{{- $problems = append $problems (printf "image.repository: %s is the image of another controller; use the repository of mtk-controller, and no tag of the other image" $values.image.repository) }}
{{- end }}
{{- if kindIs "map" $values.extraArgs }}
{{- $args := list }}
{{- range $flag, $value := $values.extraArgs }}
{{- $entry := get $peers.flags $flag | default dict }}
{{- $defaults := list }}
{{- range $entry.default }}
{{- $defaults = append $defaults (toString .) }}
{{- end }}
{{- if or (kindIs "invalid" $value) (has (toString $value) $defaults) }}
{{- else if $entry.refused }}
{{- $problems = append $problems (printf "extraArgs.%s: %s" $flag $entry.refused) }}
{{- else if eq $flag "loglevel" }}
{{- $_ := set $values "logLevel" (toString $value) }}
{{- else if eq $flag "enable-leader-election" }}
{{- $_ := set $values.leaderElection "enabled" (has (toString $value) (list "" "true")) }}
{{- else if $entry.ignored }}
{{- $notes = append $notes (printf "extraArgs.%s: %s" $flag $entry.ignored) }}
{{- else }}
{{- $value = ternary "" (printf "=%v" $value) (eq (toString $value) "") }}
{{- $args = append $args (printf "--%s%s" ($entry.sets | default $flag) $value) }}
{{- end }}
{{- end }}
{{- $_ := set $values "extraArgs" $args }}
{{- end }}
{{- with $problems }}
{{- fail (printf "values of another chart do not work in this one:\n- %s" (join "\n- " .)) }}
{{- end }}
{{- $_ := set $values "peersIgnored" $notes }}
{{- end }}
{{- end }}

{{- /* Gives values that are null their default: in a values file, null removes the default. Takes a list of the
values and their defaults. Within maps that Kubernetes defines, null removes a field. */}}
{{- define "mtk-controller.fill" -}}
{{- $values := index . 0 }}
{{- $open := list "annotations" "containerSecurityContext" "labels" "nodeSelector" "podSecurityContext" "resources" }}
{{- range $name, $default := index . 1 }}
{{- $value := get $values $name }}
{{- if or (not (hasKey $values $name)) (kindIs "invalid" $value) }}
{{- $_ := set $values $name $default }}
{{- else if and (kindIs "map" $default) (kindIs "map" $value) (not (has $name $open)) }}
{{- include "mtk-controller.fill" (list $value $default) }}
{{- end }}
{{- end }}
{{- end }}
