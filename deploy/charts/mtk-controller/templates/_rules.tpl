{{- /* The permissions in each watched namespace. They contain no `update` of an object and by default no `delete`: the
controller changes Secrets with patches that contain the expected resourceVersion, and Kubernetes'
garbage collector deletes them by their owner reference. */}}
{{- define "mtk-controller.rules" -}}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [get, list, watch]
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [patch]
# Secrets of SealedSecrets and ExternalSecrets, Secrets that it takes over, and the sealing keys.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- if .Values.externalSecrets.enabled }}
# `patch` only removes External Secrets' finalizer during deletion.
- apiGroups: [external-secrets.io]
  resources: [externalsecrets]
  verbs: [get, list, watch, patch]
# The admission plug-in OwnerReferencesPermissionEnforcement, which OpenShift turns on, requires it for a Secret
# with an ExternalSecret as its owner.
- apiGroups: [external-secrets.io]
  resources: [externalsecrets/finalizers]
  verbs: [update]
- apiGroups: [external-secrets.io]
  resources: [secretstores]
  verbs: [list, watch]
- apiGroups: [external-secrets.io]
  resources: [externalsecrets/status, secretstores/status]
  verbs: [patch]
# ExternalSecrets can read templates from ConfigMaps.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
{{- if .Values.externalSecrets.allowDelete }}
# For `deletionPolicy: Delete`, and for the Secrets of renamed targets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [delete]
{{- end }}
{{- end }}
{{- end }}

{{- /* The permissions to assume the roles of ServiceAccounts: of one of them, or of all without a name. */}}
{{- define "mtk-controller.tokenRules" -}}
- apiGroups: [""]
  resources: [serviceaccounts]
  {{- with .name }}
  resourceNames: [{{ . | quote }}]
  {{- end }}
  verbs: [get]
- apiGroups: [""]
  resources: [serviceaccounts/token]
  {{- with .name }}
  resourceNames: [{{ . | quote }}]
  {{- end }}
  verbs: [create]
{{- end }}

{{- /* The additional permissions for restarts. */}}
{{- define "mtk-controller.restartRules" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch, patch]
# To find the Deployments that Flagger manages.
- apiGroups: [flagger.app]
  resources: [canaries]
  verbs: [get, list, watch]
{{- end }}
