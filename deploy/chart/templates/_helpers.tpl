{{- define "runner.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "runner.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "runner.labels" -}}
{{ include "runner.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "runner.secret" -}}
{{- default (include "runner.name" .) .Values.secrets.existing -}}
{{- end -}}

{{/* True where KEDA has to show a private key. */}}
{{- define "runner.hasScalerKey" -}}
{{- if or .Values.secrets.existing .Values.secrets.privateKeys -}}true{{- end -}}
{{- end -}}
