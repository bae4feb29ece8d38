#!/usr/bin/env bash
# Runs the tour against a server: run.sh HOST:PORT
# Debian: apt-get install ruby ruby-grpc ruby-grpc-tools ruby-google-protobuf protobuf-compiler libprotobuf-dev
set -euo pipefail
cd "$(dirname "$0")"
protos=../../protos
mkdir -p generated
grpc_tools_ruby_protoc -I "$protos" -I "$protos/third_party" --ruby_out=generated --grpc_out=generated "$protos"/gradients/v1/*.proto
exec ruby -I generated tour.rb "$1"
