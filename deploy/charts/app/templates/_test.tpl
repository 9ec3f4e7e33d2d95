{{- /* A Pod of `helm test` that runs a script in the app's image. It has no more permissions than the app.
Takes root, name, script, env, and envFrom. */}}
{{- define "app.testPod" -}}
{{- $root := .root -}}
apiVersion: v1
kind: Pod
metadata:
  {{- $hooks := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" }}
  {{- $annotations := merge $hooks $root.Values.tests.annotations }}
  {{- $labels := merge (dict "app.kubernetes.io/name" (printf "%s-test" (include "app.name" $root)) "app.kubernetes.io/instance" $root.Release.Name "app.kubernetes.io/component" "test") $root.Values.labels }}
  name: {{ include "app.fullname" $root }}-test-{{ .name }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- toYaml $labels | nindent 4 }}
  annotations:
    {{- toYaml $annotations | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $field := list "nodeSelector" "tolerations" }}
  {{- with get $root.Values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: test
      image: {{ include "app.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [python3, -c]
      args:
        - |-
          {{- $root.Files.Get .script | nindent 10 }}
      env:
        - name: APP_URL
          value: http://{{ include "app.fullname" $root }}:{{ int $root.Values.service.port }}
        {{- range $name, $value := .env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- with .envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tests.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
