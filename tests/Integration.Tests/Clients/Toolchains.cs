namespace Gradients.Integration.Tests.Clients;

/// <summary>By language: a command that succeeds where its tools are.</summary>
internal static class Toolchains
{
    public const string Python = "command -v protoc grpc_python_plugin && /usr/bin/python3 -c 'import grpc, google.protobuf, numpy'";
    public const string Node = "cd samples/node && npm ci --silent --no-fund --no-audit";
    public const string Go = "command -v go protoc protoc-gen-go protoc-gen-go-grpc && test -d /usr/share/gocode/src/google.golang.org/grpc";
    public const string Cpp = "command -v g++ cmake protoc grpc_cpp_plugin && pkg-config --exists grpc++ protobuf";
    public const string R = "Rscript --vanilla -e 'library(curl); library(jsonlite)'";
    public const string Ruby = "command -v grpc_tools_ruby_protoc && ruby -e 'require \"grpc\"'";
}
