# What a Gradients server does, from Ruby: the published messages, and nothing else. Usage: ruby -I generated tour.rb HOST:PORT
require "google/protobuf/well_known_types"
require "google/rpc/error_details_pb"
require "gradients/v1/session_service_services_pb"
require "gradients/v1/tensor_service_services_pb"

include Gradients::V1

CHUNK = 1 << 20

# A float64 tensor; without a shape it is a scalar.
def tensor(values, shape = [])
  Tensor.new(data_type: :DATA_TYPE_FLOAT64, shape: shape, raw: Array(values).pack("E*"))
end

def numbers(tensor) = tensor.raw.unpack("E*")

# Declares a name of a text as an input (or variable) of value `id`. A size of nil is one that comes with the feed.
def bind(name, id, sizes = [], variable: false)
  dimensions = sizes.map { |size| size ? Dimension.new(size: size) : Dimension.new }
  type = TensorType.new(data_type: :DATA_TYPE_FLOAT64, dimensions: dimensions)
  ExpressionBinding.new(name: name, value: id, type: type, variable: variable)
end

def feed(id, tensor) = Feed.new(node: id, tensor: tensor)

# What stands behind a failed call: ErrorInfo has a stable reason and what it applies to, BadRequest the fields at fault.
def detail(error, type)
  found = error.to_rpc_status&.details&.find { |d| d.is(type) } or raise error
  found.unpack(type)
end

# One session, by the ids that the client chooses.
class Tour
  LOSS, X, Y, W, B, W1, B1, W2, B2, OTHER = (1..10).to_a

  def initialize(address)
    @sessions = SessionService::Stub.new(address, :this_channel_is_insecure, timeout: 60)
    @tensors = TensorService::Stub.new(address, :this_channel_is_insecure, timeout: 60)
    @session = @sessions.create_session(CreateSessionRequest.new).session.name
  end

  def close = @sessions.delete_session(DeleteSessionRequest.new(name: @session))

  def linear_regression
    define("mean((w*x + b - y)**2)", bind("x", X, [3]), bind("y", Y, [3]), bind("w", W, variable: true), bind("b", B, variable: true))
    set(W => tensor(2), B => tensor(1))
    backward = BackwardRequest.new(
      session: @session, feeds: [feed(X, tensor([1, 2, 3], [3])), feed(Y, tensor([6, 9, 12], [3]))],
      roots: [Root.new(value: LOSS)], wrt: [W, B], fetches: [Fetch.new(value: LOSS)], mode: :GRADIENT_MODE_BOTH
    )
    step = ApplyGradientsRequest.new(session: @session, optimizer: Optimizer.new(sgd: Sgd.new(learning_rate: 0.1)), zero_gradients: true)
    200.times do |i|
      reply = @sessions.backward(backward)
      first = [reply.values[0].tensor, *reply.gradients.map(&:tensor)].map { |t| numbers(t)[0] }
      puts format("linear regression: loss %.6f, dw %.6f, db %.6f", *first) if i.zero?
      @sessions.apply_gradients(step)
    end
    trained = @sessions.get_variables(GetVariablesRequest.new(session: @session, variables: [W, B])).variables
    puts format("after 200 steps: w %.6f, b %.6f", *trained.map { |v| numbers(v.value)[0] })
  end

  # A network learns exclusive or: the loop runs on the server, in slices of two rows.
  def perceptron
    define("mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)", bind("x", X, [nil, 2]), bind("y", Y, [nil, 1]),
           bind("w1", W1, [2, 4], variable: true), bind("b1", B1, [4], variable: true),
           bind("w2", W2, [4, 1], variable: true), bind("b2", B2, [1], variable: true))
    set(W1 => tensor([0.5, -0.5, 0.25, 1, -0.25, 0.75, 0.5, -1], [2, 4]), B1 => tensor([0] * 4, [4]),
        W2 => tensor([0.5, -0.5, 0.25, 0.75], [4, 1]), B2 => tensor([0], [1]))
    data = [feed(X, tensor([0, 0, 0, 1, 1, 0, 1, 1], [4, 2])), feed(Y, tensor([0, 1, 1, 0], [4, 1]))]
    before = loss(data)
    replies = @sessions.train(TrainRequest.new(
      session: @session, data: data, batch_size: 2, roots: [Root.new(value: LOSS)],
      optimizer: Optimizer.new(adam: Adam.new(learning_rate: 0.05)), steps: 100
    ))
    applied = replies.to_a.last.result.steps
    puts format("perceptron: loss %.6f, after %d steps on the server %.6f", before, applied, loss(data))
  end

  # 16 MB up, used where they are, and their gradient back: that of sum(x²)/2 is x.
  def chunked_tensor
    values = tensor(Array.new(1 << 21) { |i| i % 1000 }, [1 << 21])
    define("sum(x*x) / 2", bind("x", X, [nil]))
    reply = @sessions.backward(BackwardRequest.new(
      session: @session, feeds: [feed(X, Tensor.new(handle: upload(values)))], roots: [Root.new(value: LOSS)], wrt: [X],
      fetches: [Fetch.new(value: LOSS)], gradients_as_handles: true
    ))
    verdict = download(reply.gradients[0].tensor.handle) == values.raw ? "equal" : "different"
    puts format("chunked tensor: %d bytes, energy %.1f, gradient %s", values.raw.bytesize, numbers(reply.values[0].tensor)[0], verdict)
  end

  # A ReLU whose derivative at 0 is 1: the function carries its gradient as data.
  def custom_gradient
    define(<<~TEXT, bind("x", X, [3]))
      def slope(x, g) { return where(x < 0, 0, g) }
      def ramp(x) gradient slope(x) { return relu(x) }
      $#{OTHER} = sum(relu(x))
      sum(ramp(x))
    TEXT
    own, builtin = [LOSS, OTHER].map do |root|
      reply = @sessions.backward(BackwardRequest.new(
        session: @session, feeds: [feed(X, tensor([-1, 0, 2], [3]))], roots: [Root.new(value: root)], wrt: [X]
      ))
      numbers(reply.gradients[0].tensor)
    end
    puts format("custom gradient: %g %g %g, built-in %g %g %g", *own, *builtin)
  end

  def errors
    define("x + y", bind("x", X, [nil]), bind("y", Y, [nil]))
    begin
      loss([feed(X, tensor([1, 2], [2])), feed(Y, tensor([1, 2, 3], [3]))])
    rescue GRPC::BadStatus => e
      info = detail(e, Google::Rpc::ErrorInfo)
      puts "error: #{info.reason}, op #{info.metadata["op"]}, shapes #{info.metadata["shapes"]}"
    end
    begin
      @sessions.apply_gradients(ApplyGradientsRequest.new(session: @session, optimizer: Optimizer.new(sgd: Sgd.new(learning_rate: -1))))
    rescue GRPC::BadStatus => e
      fields = detail(e, Google::Rpc::BadRequest).field_violations.map(&:field)
      puts "error: #{detail(e, Google::Rpc::ErrorInfo).reason}, fields #{fields.join(", ")}"
    end
  end

  private

  # A graph as text; its last value has the id LOSS.
  def define(text, *bindings)
    @sessions.define_nodes(DefineNodesRequest.new(session: @session, text: Expression.new(source: text, bindings: bindings, result: LOSS)))
  end

  def set(values)
    updates = values.map { |id, value| VariableUpdate.new(variable: id, tensor: value) }
    @sessions.set_variables(SetVariablesRequest.new(session: @session, updates: updates))
  end

  def loss(feeds)
    numbers(@sessions.forward(ForwardRequest.new(session: @session, feeds: feeds, fetches: [Fetch.new(value: LOSS)])).values[0].tensor)[0]
  end

  # Moves a tensor in chunks; the handle may be fed in its place.
  def upload(tensor)
    parts = Enumerator.new do |out|
      out << UploadTensorRequest.new(header: UploadTensorHeader.new(session: @session, data_type: tensor.data_type, shape: tensor.shape.to_a))
      0.step(tensor.raw.bytesize - 1, CHUNK) do |offset|
        out << UploadTensorRequest.new(chunk: TensorChunk.new(offset: offset, data: tensor.raw.byteslice(offset, CHUNK)))
      end
    end
    @tensors.upload_tensor(parts).handle
  end

  def download(handle)
    _header, *chunks = @tensors.download_tensor(DownloadTensorRequest.new(session: @session, handle: handle)).to_a
    chunks.map { |reply| reply.chunk.data }.join
  end
end

%i[linear_regression perceptron chunked_tensor custom_gradient errors].each do |part|
  tour = Tour.new(ARGV.fetch(0))
  begin
    tour.public_send(part)
  ensure
    tour.close
  end
end
