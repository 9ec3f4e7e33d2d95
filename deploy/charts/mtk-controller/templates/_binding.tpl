{{- /* Binds the controller's ServiceAccount to the role of this kind and name. Takes root, kind
(ClusterRole or Role), name, namespace. */}}
{{- define "mtk-controller.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  {{- include "mtk-controller.metadata" (dict "root" .root "name" .name "namespace" .namespace "labels" .root.Values.rbac.labels) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "mtk-controller.serviceAccountName" .root }}
    namespace: {{ include "mtk-controller.namespace" .root }}
{{- end }}
