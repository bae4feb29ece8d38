#!/usr/bin/env bash
# Runs the tour against the web port of a server (gradients serve --web-port 8080): run.sh HOST:PORT
# Debian: apt-get install r-base-core r-cran-jsonlite r-cran-curl
set -euo pipefail
exec Rscript --vanilla "$(dirname "$0")/tour.R" "$1"
