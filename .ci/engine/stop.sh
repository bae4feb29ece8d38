#!/usr/bin/env bash
# Stops the engine that start.sh started; any other one is left alone.
set -euo pipefail
ENGINE_HOME=${ENGINE_HOME:-/var/lib/ci-engine}
[[ -f $ENGINE_HOME/started ]] || exit 0
pid=$(cat "$ENGINE_HOME/dockerd.pid" 2>/dev/null || true)
runs() { [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; }
if runs; then
  # dockerd waits 10 s for each container that is left.
  ids=$(DOCKER_HOST=unix://$ENGINE_HOME/docker.sock docker ps -q 2>/dev/null || true)
  [[ -z $ids ]] || DOCKER_HOST=unix://$ENGINE_HOME/docker.sock docker kill $ids >/dev/null 2>&1 || true
  kill "$pid"
  for _ in $(seq 300); do runs || break; sleep 0.1; done
fi
rm -f "$ENGINE_HOME/started"
