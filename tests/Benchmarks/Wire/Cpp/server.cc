// The plainest gRPC server that receives and sends the same chunks: the newest tensor is kept. Prints its port, listens on the
// socket that is its argument, too, and ends with standard input.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "gradients/v1/tensor_service.grpc.pb.h"

namespace v1 = gradients::v1;

namespace {

constexpr std::size_t kChunkBytes = 256 << 10;

class Tensors final : public v1::TensorService::Service {
  grpc::Status UploadTensor(grpc::ServerContext*, grpc::ServerReader<v1::UploadTensorRequest>* reader, v1::UploadTensorResponse* response) override {
    v1::UploadTensorRequest part;
    std::lock_guard<std::mutex> lock(gate_);
    if (!reader->Read(&part) || !part.has_header()) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no header");
    std::size_t bytes = sizeof(float), received = 0;
    for (auto size : part.header().shape()) bytes *= static_cast<std::size_t>(size);
    kept_.resize(bytes);
    while (reader->Read(&part)) {
      const auto& data = part.chunk().data();
      if (part.chunk().offset() != received || received + data.size() > bytes) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "order");
      std::memcpy(kept_.data() + received, data.data(), data.size());
      received += data.size();
    }
    response->set_handle("tensors/1");
    response->set_byte_size(received);
    return grpc::Status::OK;
  }

  grpc::Status DownloadTensor(grpc::ServerContext*, const v1::DownloadTensorRequest*, grpc::ServerWriter<v1::DownloadTensorResponse>* writer) override {
    std::lock_guard<std::mutex> lock(gate_);
    v1::DownloadTensorResponse header, part;
    header.mutable_header()->set_data_type(v1::DATA_TYPE_FLOAT32);
    header.mutable_header()->add_shape(static_cast<std::int64_t>(kept_.size() / sizeof(float)));
    writer->Write(header);
    for (std::size_t offset = 0; offset < kept_.size(); offset += kChunkBytes) {
      part.mutable_chunk()->set_offset(offset);
      part.mutable_chunk()->set_data(kept_.data() + offset, std::min(kChunkBytes, kept_.size() - offset));
      writer->Write(part);
    }
    return grpc::Status::OK;
  }

  std::mutex gate_;
  std::vector<char> kept_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  Tensors tensors;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.AddListeningPort(std::string("unix:") + arguments[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&tensors);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::cout << port << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  server->Shutdown();
}
