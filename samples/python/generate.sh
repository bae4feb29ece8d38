#!/usr/bin/env bash
# Makes the Python stubs beside this script.
set -euo pipefail
cd "$(dirname "$0")"
protos=../../protos
protoc -I "$protos" -I "$protos/third_party" --python_out=. --grpc_python_out=. \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  "$protos"/gradients/v1/*.proto $(cd "$protos/third_party" && find google -name '*.proto')
