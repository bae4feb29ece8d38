#!/usr/bin/env bash
# Runs the tour against a server: run.sh HOST:PORT
set -euo pipefail
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --silent --no-fund --no-audit >&2
exec node tour.js "$1"
