#!/usr/bin/env bash
# Stand-ins for the public base images where no registry is in reach, from Debian's packages and this machine's .NET SDK:
# local/dotnet-aspnet:10.0 and local/dotnet-sdk:10.0, over local/debian:12. What is there already is kept. Never to be published.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet_root=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
sdk=$(dotnet --version)

# $1: an image; $2: the SDK version it must be of, where it holds .NET.
have() {
  local label
  label=$(docker image inspect -f '{{index .Config.Labels "ci.dotnet"}}' "$1" 2>/dev/null) && [[ -z $2 || $label == "$2" ]]
}

if ! have local/debian:12 ""; then
  command -v mmdebstrap >/dev/null \
    || DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends mmdebstrap >"$work/apt.log" 2>&1 \
    || { tail -n 5 "$work/apt.log" >&2; exit 1; }
  suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
  sources=$(ls /etc/apt/sources.list.d/debian.sources 2>/dev/null || echo /etc/apt/sources.list)
  icu=$(apt-cache depends libicu-dev | awk '/Depends: libicu[0-9]+$/ { print $2 }')
  mmdebstrap --quiet --variant=apt --include="ca-certificates,$icu,libstdc++6,libssl3,tzdata,zlib1g" --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$suite" "$work/root.tar" "$sources"
  docker import --change 'CMD ["/bin/bash"]' "$work/root.tar" local/debian:12 >/dev/null
fi

if ! have local/dotnet-aspnet:10.0 "$sdk"; then
  # A restore inside a build trusts what this machine trusts.
  cp -L /etc/ssl/certs/ca-certificates.crt "$work/"
  cat > "$work/Dockerfile" <<D
FROM local/debian:12
LABEL ci.dotnet=$sdk
ENV APP_UID=1654 ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN groupadd --gid=\$APP_UID app && useradd --no-log-init --uid=\$APP_UID --gid=\$APP_UID --create-home app
COPY dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
D
  tar -c -C "$work" Dockerfile ca-certificates.crt -C "$dotnet_root" --transform 's,^\(dotnet\|host\|shared\|LICENSE.txt\)\(/\|$\),dotnet/\1\2,' dotnet host shared LICENSE.txt \
    | docker build -q -t local/dotnet-aspnet:10.0 - >/dev/null
fi

if ! have local/dotnet-sdk:10.0 "$sdk"; then
  cat > "$work/Dockerfile" <<D
FROM local/dotnet-aspnet:10.0
LABEL ci.dotnet=$sdk
ENV DOTNET_NOLOGO=true DOTNET_CLI_TELEMETRY_OPTOUT=true NUGET_XMLDOC_MODE=skip NUGET_CERT_REVOCATION_MODE=offline ASPNETCORE_HTTP_PORTS=
COPY dotnet /usr/share/dotnet
D
  tar -c -C "$work" Dockerfile -C "$dotnet_root" --transform 's,^\(sdk\|packs\|sdk-manifests\|templates\)\(/\|$\),dotnet/\1\2,' sdk packs sdk-manifests templates \
    | docker build -q -t local/dotnet-sdk:10.0 - >/dev/null
fi
