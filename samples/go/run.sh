#!/usr/bin/env bash
# Runs the tour against a server: run.sh HOST:PORT
# Debian: apt-get install golang-go golang-google-grpc-dev protobuf-compiler protoc-gen-go-1-5 protoc-gen-go-grpc libprotobuf-dev
# Elsewhere: go get google.golang.org/grpc, and the two plugins by go install; then the protoc line below.
set -euo pipefail
cd "$(dirname "$0")"
protos=../../protos
mkdir -p generated/src
protoc -I "$protos" -I "$protos/third_party" --go_out=generated/src --go-grpc_out=generated/src "$protos"/gradients/v1/*.proto
GO111MODULE=off GOPATH=$PWD/generated:/usr/share/gocode go build -o generated/tour .
exec generated/tour "$1"
