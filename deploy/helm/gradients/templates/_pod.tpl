{{/* Settings of the server. */}}
{{- define "gradients.env" -}}
- name: GRADIENTS__ADDRESS
  value: 0.0.0.0
- name: GRADIENTS__PORT
  value: "50051"
- name: GRADIENTS__ALLOWPLAINTEXT
  value: {{ .Values.tls.allowPlaintext | quote }}
- name: GRADIENTS__STATELESS
  value: {{ .Values.stateless | quote }}
- name: GRADIENTS__MEMORYBUDGETBYTES
  value: {{ include "gradients.bytes" .Values.engine.memoryBudgetMiB | quote }}
- name: GRADIENTS__WIREBUDGETBYTES
  value: {{ include "gradients.bytes" .Values.engine.wireBudgetMiB | quote }}
- name: GRADIENTS__COMPUTETHREADS
  value: {{ include "gradients.threads" . | quote }}
- name: GRADIENTS__DRAINTIMEOUT
  value: {{ include "gradients.time" .Values.drainSeconds | quote }}
# The kubelet probes the pod's address, not its loopback; the network policy admits nobody else but the monitoring.
- name: GRADIENTS__MANAGEMENT__ADDRESS
  value: 0.0.0.0
- name: GRADIENTS__MANAGEMENT__PORT
  value: "50052"
- name: GRADIENTS__MANAGEMENT__GRPCPORT
  value: "50053"
# One JSON object a line, with the ids of trace and span.
- name: GRADIENTS__TELEMETRY__LOGFORMAT
  value: Json
- name: GRADIENTS__TELEMETRY__PROMETHEUS
  value: {{ .Values.metrics.enabled | quote }}
{{- if .Values.web.enabled }}
- name: GRADIENTS__WEB__ADDRESS
  value: 0.0.0.0
- name: GRADIENTS__WEB__PORT
  value: "50080"
{{- range $i, $origin := .Values.web.allowedOrigins }}
- name: GRADIENTS__WEB__ALLOWEDORIGINS__{{ $i }}
  value: {{ $origin | quote }}
{{- end }}
{{- end }}
{{- if .Values.warmUp.configMap }}
- name: GRADIENTS__WARMUP
  value: /etc/gradients/warm-up
{{- end }}
{{- if .Values.tls.existingSecret }}
- name: GRADIENTS__TLS__CERTIFICATEFILE
  value: /etc/gradients/tls/tls.crt
- name: GRADIENTS__TLS__KEYFILE
  value: /etc/gradients/tls/tls.key
{{- end }}
{{- if .Values.tls.clientCaSecret }}
- name: GRADIENTS__TLS__CLIENTCERTIFICATES
  value: Require
- name: GRADIENTS__TLS__CLIENTCAFILE
  value: /etc/gradients/client-ca/ca.crt
{{- end }}
{{- if .Values.authentication.apiKeys.existingSecret }}
- name: GRADIENTS__AUTHENTICATION__APIKEYSFILE
  value: /etc/gradients/api-keys/{{ .Values.authentication.apiKeys.key }}
{{- end }}
{{- with .Values.authentication.jwt }}
{{- if .issuer }}
- name: GRADIENTS__AUTHENTICATION__JWT__ISSUER
  value: {{ .issuer | quote }}
- name: GRADIENTS__AUTHENTICATION__JWT__AUDIENCE
  value: {{ .audience | quote }}
{{- with .tenantClaim }}
- name: GRADIENTS__AUTHENTICATION__JWT__TENANTCLAIM
  value: {{ . | quote }}
{{- end }}
{{- if .jwksConfigMap }}
- name: GRADIENTS__AUTHENTICATION__JWT__JWKSFILE
  value: /etc/gradients/jwks/jwks.json
{{- else }}
- name: GRADIENTS__AUTHENTICATION__JWT__JWKSURL
  value: {{ .jwksUrl | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.otlp.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_SERVICE_NAME
  value: gradients
{{- if $.Values.metrics.enabled }}
# Metrics are scraped; sent as well, they would be counted twice.
- name: OTEL_METRICS_EXPORTER
  value: none
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Directories, never single files: a change of a secret reaches only those. */}}
{{- define "gradients.mounts" -}}
{{- if .Values.tls.existingSecret }}
- name: tls
  mountPath: /etc/gradients/tls
  readOnly: true
{{- end }}
{{- if .Values.tls.clientCaSecret }}
- name: client-ca
  mountPath: /etc/gradients/client-ca
  readOnly: true
{{- end }}
{{- if .Values.authentication.apiKeys.existingSecret }}
- name: api-keys
  mountPath: /etc/gradients/api-keys
  readOnly: true
{{- end }}
{{- if .Values.authentication.jwt.jwksConfigMap }}
- name: jwks
  mountPath: /etc/gradients/jwks
  readOnly: true
{{- end }}
{{- if .Values.warmUp.configMap }}
- name: warm-up
  mountPath: /etc/gradients/warm-up
  readOnly: true
{{- end }}
{{- end -}}

{{- define "gradients.volumes" -}}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.tls.clientCaSecret }}
- name: client-ca
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- with .Values.authentication.apiKeys.existingSecret }}
- name: api-keys
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.authentication.jwt.jwksConfigMap }}
- name: jwks
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.warmUp.configMap }}
- name: warm-up
  configMap:
    name: {{ . }}
{{- end }}
{{- end -}}
