#!/usr/bin/env bash
# Makes the Python stubs beside this script. Debian: apt-get install python3-grpcio python3-protobuf protobuf-compiler
# protobuf-compiler-grpc libprotobuf-dev
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
protos=$here/../../protos
protoc -I "$protos" -I "$protos/third_party" --python_out="$here" --grpc_python_out="$here" \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  "$protos"/gradients/v1/*.proto google/api/*.proto google/rpc/status.proto
