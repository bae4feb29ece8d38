// Moves tensors to a server and back in chunks. Usage: client ADDRESS [SESSION]; without a session the server needs none.
// Reads lines and answers each with a line: `prepare BYTES` (ok when a tensor comes back as it was sent), `upload COUNT`,
// `download COUNT` and `settle`, which gives back what was uploaded.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "gradients/v1/session_service.grpc.pb.h"
#include "gradients/v1/tensor_service.grpc.pb.h"

namespace v1 = gradients::v1;

namespace {

constexpr std::size_t kChunkBytes = 256 << 10;

void Check(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error_message());
}

class Client {
 public:
  Client(const std::string& address, std::string session) : session_(std::move(session)) {
    grpc::ChannelArguments any;
    any.SetMaxReceiveMessageSize(-1);
    auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), any);
    tensors_ = v1::TensorService::NewStub(channel);
    sessions_ = v1::SessionService::NewStub(channel);
  }

  bool Prepare(std::size_t bytes) {
    content_.resize(bytes);
    received_.assign(bytes, 0);
    std::uint32_t state = 7;
    for (auto& byte : content_) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    source_ = Upload();
    Download();
    return content_ == received_;
  }

  void Uploads(int count) {
    for (int i = 0; i < count; ++i) uploaded_.push_back(Upload());
  }

  void Downloads(int count) {
    for (int i = 0; i < count; ++i) Download();
  }

  void Settle() {
    if (!session_.empty()) {
      v1::ReleaseResourcesRequest request;
      request.set_session(session_);
      for (const auto& handle : uploaded_) request.add_handles(handle);
      v1::ReleaseResourcesResponse response;
      grpc::ClientContext context;
      Check(sessions_->ReleaseResources(&context, request, &response));
    }
    uploaded_.clear();
  }

 private:
  std::string Upload() {
    grpc::ClientContext context;
    v1::UploadTensorResponse response;
    auto writer = tensors_->UploadTensor(&context, &response);
    v1::UploadTensorRequest header, part;
    header.mutable_header()->set_session(session_);
    header.mutable_header()->set_data_type(v1::DATA_TYPE_FLOAT32);
    header.mutable_header()->add_shape(static_cast<std::int64_t>(content_.size() / sizeof(float)));
    writer->Write(header);
    for (std::size_t offset = 0; offset < content_.size(); offset += kChunkBytes) {
      part.mutable_chunk()->set_offset(offset);
      part.mutable_chunk()->set_data(content_.data() + offset, std::min(kChunkBytes, content_.size() - offset));
      if (!writer->Write(part)) break;
    }
    writer->WritesDone();
    Check(writer->Finish());
    return response.handle();
  }

  void Download() {
    grpc::ClientContext context;
    v1::DownloadTensorRequest request;
    request.set_session(session_);
    request.set_handle(source_);
    request.set_chunk_bytes(kChunkBytes);
    auto reader = tensors_->DownloadTensor(&context, request);
    v1::DownloadTensorResponse part;
    std::size_t received = 0;
    while (reader->Read(&part)) {
      if (part.has_header()) continue;
      const auto& data = part.chunk().data();
      if (part.chunk().offset() != received || received + data.size() > received_.size()) throw std::runtime_error("chunk out of order");
      std::memcpy(received_.data() + received, data.data(), data.size());
      received += data.size();
    }
    Check(reader->Finish());
    if (received != received_.size()) throw std::runtime_error("incomplete");
  }

  std::string session_, source_;
  std::unique_ptr<v1::TensorService::Stub> tensors_;
  std::unique_ptr<v1::SessionService::Stub> sessions_;
  std::vector<std::string> uploaded_;
  std::vector<char> content_, received_;
};

}  // namespace

int main(int count, char** arguments) try {
  if (count < 2 || count > 3) return 2;
  Client client(arguments[1], count > 2 ? arguments[2] : "");
  std::cout << "ready" << std::endl;
  std::string verb;
  long argument = 0;
  while (std::cin >> verb >> argument) {
    bool fine = true;
    if (verb == "prepare") fine = client.Prepare(static_cast<std::size_t>(argument));
    else if (verb == "upload") client.Uploads(static_cast<int>(argument));
    else if (verb == "download") client.Downloads(static_cast<int>(argument));
    else client.Settle();
    std::cout << (fine ? "ok" : "different") << std::endl;
  }
} catch (const std::exception& e) {
  std::cerr << e.what() << std::endl;
  return 1;
}
