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
{{- if .Values.externalSecrets.enabled }}
# Patched only to take External Secrets' finalizer off one that is being deleted.
- apiGroups: [external-secrets.io]
  resources: [externalsecrets]
  verbs: [get, list, watch, patch]
- apiGroups: [external-secrets.io]
  resources: [secretstores]
  verbs: [list, watch]
- apiGroups: [external-secrets.io]
  resources: [externalsecrets/status, secretstores/status]
  verbs: [patch]
# Templates of ExternalSecrets.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
{{- if .Values.externalSecrets.allowDelete }}
# `deletionPolicy: Delete`, and the Secrets of renamed targets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [delete]
{{- end }}
{{- end }}
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
