{{/* What values may not say together. Each template of a pod includes this. */}}
{{- define "gradients.rules" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.stateless) -}}
{{- fail "replicaCount > 1 needs stateless: true. Sessions live in the memory of one pod; a second pod would answer NOT_FOUND to half of their requests." -}}
{{- end -}}
{{- if and (not .Values.tls.existingSecret) (not .Values.tls.allowPlaintext) -}}
{{- fail "Give tls.existingSecret (a secret of type kubernetes.io/tls), or tls.allowPlaintext: true to serve without TLS." -}}
{{- end -}}
{{- if and .Values.tls.existingSecret .Values.tls.allowPlaintext -}}
{{- fail "tls.existingSecret and tls.allowPlaintext exclude each other: the API has one port." -}}
{{- end -}}
{{- if and .Values.tls.clientCaSecret (not .Values.tls.existingSecret) -}}
{{- fail "tls.clientCaSecret needs tls.existingSecret: client certificates are part of TLS." -}}
{{- end -}}
{{- with .Values.authentication.jwt -}}
{{- if .issuer -}}
{{- if not .audience -}}
{{- fail "authentication.jwt needs an audience beside its issuer." -}}
{{- end -}}
{{- if eq (empty .jwksConfigMap) (empty .jwksUrl) -}}
{{- fail "authentication.jwt takes its keys from exactly one of jwksConfigMap and jwksUrl." -}}
{{- end -}}
{{- else if or .audience .tenantClaim .jwksConfigMap .jwksUrl -}}
{{- fail "authentication.jwt needs an issuer; without one no token is accepted." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.web.allowedOrigins (not .Values.web.enabled) -}}
{{- fail "web.allowedOrigins needs web.enabled." -}}
{{- end -}}
{{- if and .Values.web.enabled (eq (int .Values.web.port) (int .Values.service.port)) -}}
{{- fail "web.port and service.port are ports of one service: they have to differ." -}}
{{- end -}}
{{- if and .Values.service.headless (ne .Values.service.type "ClusterIP") -}}
{{- fail "service.headless needs service.type: ClusterIP." -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "serviceMonitor.enabled needs metrics.enabled." -}}
{{- end -}}
{{- end -}}
