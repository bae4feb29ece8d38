#!/usr/bin/env bash
# Runs the tour against a server: run.sh HOST:PORT
set -euo pipefail
cd "$(dirname "$0")"
{ cmake -S . -B build && cmake --build build --parallel 2; } >&2
exec build/tour "$1"
