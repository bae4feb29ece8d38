{{/* Whole CPUs of a quantity such as 2, 1.5 or 1500m, rounded up. */}}
{{- define "gradients.cpus" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text -}}
{{- divf (trimSuffix "m" $text) 1000 | ceil | int -}}
{{- else -}}
{{- ceil $text | int -}}
{{- end -}}
{{- end -}}

{{- define "gradients.threads" -}}
{{- if .Values.engine.computeThreads -}}
{{- int .Values.engine.computeThreads -}}
{{- else -}}
{{- include "gradients.cpus" (.Values.cpu.limit | default .Values.cpu.request) -}}
{{- end -}}
{{- end -}}

{{/*
MiB that a pod may use: tensors + messages on the wire + 192 for the runtime, code and stacks. The server refuses what goes
beyond its two budgets, so the kernel has nobody to kill.
*/}}
{{- define "gradients.memoryMiB" -}}
{{- add .Values.engine.memoryBudgetMiB .Values.engine.wireBudgetMiB 192 -}}
{{- end -}}

{{/* Bytes of MiB; an integer, never 1e+09. */}}
{{- define "gradients.bytes" -}}
{{- mul (int64 .) 1048576 -}}
{{- end -}}

{{/* hh:mm:ss of seconds. */}}
{{- define "gradients.time" -}}
{{- $s := int . -}}
{{- printf "%02d:%02d:%02d" (div $s 3600) (mod (div $s 60) 60) (mod $s 60) -}}
{{- end -}}

{{/* Port of a URL: its own, else its scheme's. */}}
{{- define "gradients.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- if $port -}}
{{- $port -}}
{{- else if eq $url.scheme "https" -}}
443
{{- else -}}
80
{{- end -}}
{{- end -}}
