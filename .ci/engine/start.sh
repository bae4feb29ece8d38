#!/usr/bin/env bash
# Makes a container engine answer on this machine and writes the settings that its clients need to $ENGINE_HOME/env.
# It uses the engine that answers already, else installs Debian's and starts it, with its files under $ENGINE_HOME, a docker0
# bridge and no firewall rule: containers reach each other and the machine, published ports answer on loopback, and nothing
# leaves the machine. $ENGINE_HOME/started exists when the engine is one that this script started.
# Exit status: 0 an engine answers; 3 none is to be had, for the reason in CONTAINER_TESTS_SKIP_REASON.
set -euo pipefail

ENGINE_HOME=${ENGINE_HOME:-/var/lib/ci-engine}
env_file=$ENGINE_HOME/env
sock=$ENGINE_HOME/docker.sock

say() { printf 'engine: %s\n' "$*" >&2; }
answers() { [[ -S $1 ]] && [[ $(curl -sS -m 5 --unix-socket "$1" http://d/_ping 2>/dev/null) == OK ]]; }

give_up() {
  say "$*"
  mkdir -p "$ENGINE_HOME" 2>/dev/null \
    && printf 'unset DOCKER_HOST\nexport CONTAINER_TESTS_SKIP_REASON=%q\n' "No container engine: $*." > "$env_file"
  exit 3
}

# $1: DOCKER_HOST; $2: yes when the engine has no registry in reach.
write_env() {
  mkdir -p "$ENGINE_HOME"
  {
    echo "export DOCKER_HOST=$1"
    echo "unset CONTAINER_TESTS_SKIP_REASON"
    if [[ $2 == yes ]]; then
      echo "unset DOCKER_API_VERSION DOCKER_BUILDKIT DOCKER_CONTEXT"
      # The reaper of Testcontainers is an image of its own, which cannot be pulled.
      echo "export TESTCONTAINERS_RYUK_DISABLED=true"
      # Published ports are on loopback, also where this machine is itself a container.
      echo "export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"
    fi
  } > "$env_file"
}

given=${DOCKER_HOST:-}
if [[ $given == tcp://* ]] && docker version >/dev/null 2>&1; then
  write_env "$given" no
  exit 0
fi
for candidate in "${given#unix://}" "$sock" /var/run/docker.sock; do
  if [[ -n $candidate ]] && answers "$candidate"; then
    [[ $candidate == "$sock" ]] && write_env "unix://$candidate" yes || write_env "unix://$candidate" no
    exit 0
  fi
done

(( EUID == 0 )) || give_up "not root, so none can be started"

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"; }

# Debian 12's engine speaks API 1.41 and comes without buildx and compose v2; Testcontainers asks for 1.44. Debian 13's packages
# need nothing that Debian 12 lacks. They come by a package list of their own: the machine's sources stay as they are.
packages=(docker.io docker-cli docker-buildx docker-compose)
install_from_trixie() {
  local folder=$1 uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Codename: $VERSION_CODENAME" | head -n 1)
  [[ -n $uri ]] || return 1
  mkdir -p "$folder"/{lists/partial,archives/partial,debs}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri trixie main" > "$folder/sources.list"
  : > "$folder/status"
  local own=(-o Dir::State="$folder" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder"
    -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root -o Acquire::Languages=none)
  apt_get "${own[@]}" update && (cd "$folder/debs" && apt_get "${own[@]}" download "${packages[@]}" containerd) \
    && apt_get install -y --no-install-recommends "$folder"/debs/*.deb curl
}
install_engine() {
  apt_get update || return 1
  case ${VERSION_CODENAME:-} in
    bookworm) install_from_trixie "$1" ;;
    *) apt_get install -y --no-install-recommends "${packages[@]}" curl ;;
  esac
}
if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null || ! command -v curl >/dev/null || ! docker compose version >/dev/null 2>&1; then
  command -v apt-get >/dev/null || give_up "no dockerd, and no apt-get to install it with"
  . /etc/os-release
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  install_engine "$scratch" >"$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; give_up "its packages cannot be installed"; }
fi

if ! grep -qE ' cgroup2? ' /proc/mounts; then
  mkdir -p /sys/fs/cgroup
  mount -t tmpfs cgroup /sys/fs/cgroup
  while read -r name _ _ on; do
    [[ $on == 1 && $name != \#* ]] || continue
    mkdir -p "/sys/fs/cgroup/$name" && mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || true
  done < /proc/cgroups
fi

# $1: the storage driver.
start() {
  mkdir -p "$ENGINE_HOME/$1" "$ENGINE_HOME/exec"
  rm -f "$ENGINE_HOME/dockerd.pid" "$sock"
  setsid nohup dockerd --host "unix://$sock" --pidfile "$ENGINE_HOME/dockerd.pid" --data-root "$ENGINE_HOME/$1" --exec-root "$ENGINE_HOME/exec" \
    --storage-driver "$1" --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false >"$ENGINE_HOME/dockerd.log" 2>&1 </dev/null &
  local child=$! until=$((SECONDS + 60))
  while (( SECONDS < until )); do
    answers "$sock" && return 0
    kill -0 "$child" 2>/dev/null || return 1
    sleep 0.1
  done
  kill "$child" 2>/dev/null || true
  return 1
}

for driver in overlay2 vfs; do
  if start "$driver"; then
    write_env "unix://$sock" yes
    touch "$ENGINE_HOME/started"
    say "started, with $driver"
    exit 0
  fi
done
give_up "dockerd does not start: $(grep -E 'level=(error|fatal)|failed to start' "$ENGINE_HOME/dockerd.log" | tail -n 1 || true)"
