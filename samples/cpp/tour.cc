// What a Gradients server does, from C++: the published messages, and nothing else. Usage: tour HOST:PORT
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

#include "gradients/v1/session_service.grpc.pb.h"
#include "gradients/v1/tensor_service.grpc.pb.h"

namespace v1 = gradients::v1;

namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::int64_t kAny = -1;  // A size that comes with the feed.

// What the server refused: a reason that stays the same, what it applies to, and the fields at fault; empty when none answered.
struct Error : std::runtime_error {
  explicit Error(const grpc::Status& status) : std::runtime_error(status.error_message()) {
    google::rpc::Status rich;
    rich.ParseFromString(status.error_details());  // `grpc-status-details-bin`
    for (const auto& detail : rich.details())
      if (!detail.UnpackTo(&info)) detail.UnpackTo(&request);
  }
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest request;
};

void Check(const grpc::Status& status) {
  if (!status.ok()) throw Error(status);
}

// The wire is little-endian, as are the machines this is for. Without a shape it is a scalar.
v1::Tensor Float64(const std::vector<double>& values, std::initializer_list<std::int64_t> shape = {}) {
  v1::Tensor tensor;
  tensor.set_data_type(v1::DATA_TYPE_FLOAT64);
  for (auto size : shape) tensor.add_shape(size);
  tensor.set_raw(values.data(), values.size() * sizeof(double));
  return tensor;
}

std::vector<double> Numbers(const std::string& raw) {
  std::vector<double> values(raw.size() / sizeof(double));
  std::memcpy(values.data(), raw.data(), values.size() * sizeof(double));
  return values;
}

v1::Feed Feed(std::uint64_t node, v1::Tensor tensor) {
  v1::Feed feed;
  feed.set_node(node);
  *feed.mutable_tensor() = std::move(tensor);
  return feed;
}

// Declares a name of a text as an input (or variable) of value `id`.
v1::ExpressionBinding Bind(const char* name, std::uint64_t id, bool variable, std::initializer_list<std::int64_t> shape = {}) {
  v1::ExpressionBinding binding;
  binding.set_name(name);
  binding.set_value(id);
  binding.set_variable(variable);
  binding.mutable_type()->set_data_type(v1::DATA_TYPE_FLOAT64);
  for (auto size : shape) {
    auto* dimension = binding.mutable_type()->add_dimensions();
    if (size != kAny) dimension->set_size(size);
  }
  return binding;
}

// Ids are the client's choice.
enum Id : std::uint64_t { kLoss = 1, kX, kY, kW, kB, kW1, kB1, kW2, kB2, kOther };

// One session.
class Tour {
 public:
  explicit Tour(const std::shared_ptr<grpc::Channel>& channel)
      : sessions_(v1::SessionService::NewStub(channel)), tensors_(v1::TensorService::NewStub(channel)) {
    session_ = Call(&Sessions::CreateSession, v1::CreateSessionRequest()).session().name();
  }

  ~Tour() {
    v1::DeleteSessionRequest request;
    request.set_name(session_);
    v1::DeleteSessionResponse reply;
    grpc::ClientContext context;
    sessions_->DeleteSession(&context, request, &reply);  // What fails here ends with its time to live.
  }

  void LinearRegression() {
    Define("mean((w*x + b - y)**2)", {Bind("x", kX, false, {3}), Bind("y", kY, false, {3}), Bind("w", kW, true), Bind("b", kB, true)});
    Set({{kW, Float64({2})}, {kB, Float64({1})}});

    auto backward = Backward(kLoss, {kW, kB}, {Feed(kX, Float64({1, 2, 3}, {3})), Feed(kY, Float64({6, 9, 12}, {3}))});
    backward.set_mode(v1::GRADIENT_MODE_BOTH);
    auto step = ForSession<v1::ApplyGradientsRequest>();
    step.mutable_optimizer()->mutable_sgd()->set_learning_rate(0.1);
    step.set_zero_gradients(true);
    for (int i = 0; i < 200; ++i) {
      auto reply = Call(&Sessions::Backward, backward);
      if (i == 0)
        std::printf("linear regression: loss %.6f, dw %.6f, db %.6f\n", Numbers(reply.values(0).tensor().raw())[0],
                    Numbers(reply.gradients(0).tensor().raw())[0], Numbers(reply.gradients(1).tensor().raw())[0]);
      Call(&Sessions::ApplyGradients, step);
    }
    auto read = ForSession<v1::GetVariablesRequest>();
    read.add_variables(kW);
    read.add_variables(kB);
    auto trained = Call(&Sessions::GetVariables, read);
    std::printf("after 200 steps: w %.6f, b %.6f\n", Numbers(trained.variables(0).value().raw())[0], Numbers(trained.variables(1).value().raw())[0]);
  }

  // A network learns exclusive or: the loop runs on the server, in slices of two rows.
  void Perceptron() {
    Define("mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)",
           {Bind("x", kX, false, {kAny, 2}), Bind("y", kY, false, {kAny, 1}), Bind("w1", kW1, true, {2, 4}),
            Bind("b1", kB1, true, {4}), Bind("w2", kW2, true, {4, 1}), Bind("b2", kB2, true, {1})});
    Set({{kW1, Float64({0.5, -0.5, 0.25, 1, -0.25, 0.75, 0.5, -1}, {2, 4})},
         {kB1, Float64({0, 0, 0, 0}, {4})},
         {kW2, Float64({0.5, -0.5, 0.25, 0.75}, {4, 1})},
         {kB2, Float64({0}, {1})}});
    const std::vector<v1::Feed> data = {Feed(kX, Float64({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2})), Feed(kY, Float64({0, 1, 1, 0}, {4, 1}))};

    const double before = Loss(data);
    auto request = ForSession<v1::TrainRequest>();
    *request.mutable_data() = {data.begin(), data.end()};
    request.set_batch_size(2);
    request.add_roots()->set_value(kLoss);
    request.mutable_optimizer()->mutable_adam()->set_learning_rate(0.05);
    request.set_steps(100);
    grpc::ClientContext context;
    auto reader = sessions_->Train(&context, request);
    v1::TrainResponse event;
    while (reader->Read(&event)) {  // Reports, then the result.
    }
    Check(reader->Finish());
    std::printf("perceptron: loss %.6f, after %llu steps on the server %.6f\n", before,
                static_cast<unsigned long long>(event.result().steps()), Loss(data));
  }

  // 16 MB up, used where they are, and their gradient back: that of sum(x²)/2 is x.
  void ChunkedTensor() {
    std::vector<double> values(1 << 21);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 1000);
    Define("sum(x*x) / 2", {Bind("x", kX, false, {kAny})});
    v1::Tensor handle;
    handle.set_handle(Upload(values));
    auto backward = Backward(kLoss, {kX}, {Feed(kX, handle)});
    backward.set_gradients_as_handles(true);
    auto reply = Call(&Sessions::Backward, backward);
    const bool equal = Download(reply.gradients(0).tensor().handle()) == values;
    std::printf("chunked tensor: %zu bytes, energy %.1f, gradient %s\n", values.size() * sizeof(double),
                Numbers(reply.values(0).tensor().raw())[0], equal ? "equal" : "different");
  }

  // A ReLU whose derivative at 0 is 1: the function carries its gradient as data.
  void CustomGradient() {
    Define(R"(
        def slope(x, g) { return where(x < 0, 0, g) }
        def ramp(x) gradient slope(x) { return relu(x) }
        $10 = sum(relu(x))
        sum(ramp(x)))",
           {Bind("x", kX, false, {3})});
    std::vector<double> gradients;
    for (auto root : {kLoss, kOther}) {
      auto reply = Call(&Sessions::Backward, Backward(root, {kX}, {Feed(kX, Float64({-1, 0, 2}, {3}))}));
      for (double v : Numbers(reply.gradients(0).tensor().raw())) gradients.push_back(v);
    }
    std::printf("custom gradient: %g %g %g, built-in %g %g %g\n", gradients[0], gradients[1], gradients[2], gradients[3], gradients[4], gradients[5]);
  }

  void Errors() {
    Define("x + y", {Bind("x", kX, false, {kAny}), Bind("y", kY, false, {kAny})});
    try {
      Loss({Feed(kX, Float64({1, 2}, {2})), Feed(kY, Float64({1, 2, 3}, {3}))});
    } catch (const Error& e) {
      if (e.info.reason().empty()) throw;
      const auto& metadata = e.info.metadata();
      std::printf("error: %s, op %s, shapes %s\n", e.info.reason().c_str(), metadata.at("op").c_str(), metadata.at("shapes").c_str());
    }
    auto step = ForSession<v1::ApplyGradientsRequest>();
    step.mutable_optimizer()->mutable_sgd()->set_learning_rate(-1);
    try {
      Call(&Sessions::ApplyGradients, step);
    } catch (const Error& e) {
      if (e.request.field_violations().empty()) throw;
      std::printf("error: %s, fields %s\n", e.info.reason().c_str(), e.request.field_violations(0).field().c_str());
    }
  }

 private:
  using Sessions = v1::SessionService::Stub;

  template <typename Request, typename Reply>
  Reply Call(grpc::Status (Sessions::*method)(grpc::ClientContext*, const Request&, Reply*), const Request& request) {
    grpc::ClientContext context;
    Reply reply;
    Check((sessions_.get()->*method)(&context, request, &reply));
    return reply;
  }

  template <typename Request>
  Request ForSession() const {
    Request request;
    request.set_session(session_);
    return request;
  }

  // A graph as text; its last value has the id kLoss.
  void Define(const char* text, std::initializer_list<v1::ExpressionBinding> bindings) {
    auto request = ForSession<v1::DefineNodesRequest>();
    request.mutable_text()->set_source(text);
    request.mutable_text()->set_result(kLoss);
    for (const auto& binding : bindings) *request.mutable_text()->add_bindings() = binding;
    Call(&Sessions::DefineNodes, request);
  }

  void Set(std::initializer_list<std::pair<std::uint64_t, v1::Tensor>> values) {
    auto request = ForSession<v1::SetVariablesRequest>();
    for (const auto& [id, value] : values) {
      auto* update = request.add_updates();
      update->set_variable(id);
      *update->mutable_tensor() = value;
    }
    Call(&Sessions::SetVariables, request);
  }

  v1::BackwardRequest Backward(std::uint64_t root, std::initializer_list<std::uint64_t> wrt, std::vector<v1::Feed> feeds) const {
    auto request = ForSession<v1::BackwardRequest>();
    request.add_roots()->set_value(root);
    request.add_fetches()->set_value(root);
    for (auto id : wrt) request.add_wrt(id);
    for (auto& feed : feeds) *request.add_feeds() = std::move(feed);
    return request;
  }

  double Loss(const std::vector<v1::Feed>& feeds) {
    auto request = ForSession<v1::ForwardRequest>();
    *request.mutable_feeds() = {feeds.begin(), feeds.end()};
    request.add_fetches()->set_value(kLoss);
    return Numbers(Call(&Sessions::Forward, request).values(0).tensor().raw())[0];
  }

  // Moves a vector in chunks; the handle may be fed in its place.
  std::string Upload(const std::vector<double>& values) {
    grpc::ClientContext context;
    v1::UploadTensorResponse reply;
    auto writer = tensors_->UploadTensor(&context, &reply);
    v1::UploadTensorRequest part;
    part.mutable_header()->set_session(session_);
    part.mutable_header()->set_data_type(v1::DATA_TYPE_FLOAT64);
    part.mutable_header()->add_shape(static_cast<std::int64_t>(values.size()));
    bool open = writer->Write(part);
    const auto* bytes = reinterpret_cast<const char*>(values.data());
    const std::size_t size = values.size() * sizeof(double);
    for (std::size_t offset = 0; open && offset < size; offset += kChunkBytes) {
      part.mutable_chunk()->set_offset(offset);
      part.mutable_chunk()->set_data(bytes + offset, std::min(kChunkBytes, size - offset));
      open = writer->Write(part);
    }
    writer->WritesDone();
    Check(writer->Finish());  // Tells why the server closed an upload early.
    return reply.handle();
  }

  std::vector<double> Download(const std::string& handle) {
    grpc::ClientContext context;
    auto request = ForSession<v1::DownloadTensorRequest>();
    request.set_handle(handle);
    auto reader = tensors_->DownloadTensor(&context, request);
    v1::DownloadTensorResponse part;
    std::string raw;
    while (reader->Read(&part)) raw += part.chunk().data();  // The header has no chunk.
    Check(reader->Finish());
    return Numbers(raw);
  }

  std::unique_ptr<v1::SessionService::Stub> sessions_;
  std::unique_ptr<v1::TensorService::Stub> tensors_;
  std::string session_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tour HOST:PORT\n";
    return 2;
  }
  try {
    auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
    for (auto part : {&Tour::LinearRegression, &Tour::Perceptron, &Tour::ChunkedTensor, &Tour::CustomGradient, &Tour::Errors})
      (Tour(channel).*part)();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
