{{- /* What the controller may do in each namespace that it watches. No `update` and no `delete`: it
changes Secrets by patches that name the version they were made for, and Kubernetes' garbage
collector removes them by their owner reference. */}}
{{- define "mtk-controller.rules" -}}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [get, list, watch]
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [patch]
# Its own ones, those of others in their place, and the keys.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}

{{- /* What restarts need besides. */}}
{{- define "mtk-controller.restartRules" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch, patch]
# Only to know which Deployments are Flagger's.
- apiGroups: [flagger.app]
  resources: [canaries]
  verbs: [get, list, watch]
{{- end }}
