#!/usr/bin/env bash
# Runs the tour against a server: run.sh HOST:PORT
# Debian: apt-get install python3-grpcio python3-protobuf python3-numpy protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
set -euo pipefail
cd "$(dirname "$0")"
./generate.sh
exec /usr/bin/python3 tour.py "$1"
