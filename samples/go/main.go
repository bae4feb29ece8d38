// What a Gradients server does, from Go: the published messages, and nothing else. Usage: tour HOST:PORT
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	pb "gradients/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// tour is one session: each part of the tour has its own.
type tour struct {
	pb.SessionServiceClient
	tensors pb.TensorServiceClient
	session string
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	connection, err := grpc.DialContext(ctx, os.Args[1], grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	for _, part := range []func(tour, context.Context) error{
		tour.linearRegression, tour.perceptron, tour.chunkedTensor, tour.customGradient, tour.errors, tour.callout,
	} {
		if err := run(ctx, connection, part); err != nil {
			log.Fatal(err)
		}
	}
}

func run(ctx context.Context, connection *grpc.ClientConn, part func(tour, context.Context) error) error {
	t := tour{SessionServiceClient: pb.NewSessionServiceClient(connection), tensors: pb.NewTensorServiceClient(connection)}
	opened, err := t.CreateSession(ctx, &pb.CreateSessionRequest{})
	if err != nil {
		return err
	}
	t.session = opened.Session.Name
	defer t.DeleteSession(ctx, &pb.DeleteSessionRequest{Name: t.session})
	return part(t, ctx)
}

// define adds a graph as text; its last value has the id `loss`.
func (t tour) define(ctx context.Context, text string, bindings ...*pb.ExpressionBinding) error {
	source := &pb.DefineNodesRequest_Text{Text: &pb.Expression{Source: text, Bindings: bindings, Result: loss}}
	_, err := t.DefineNodes(ctx, &pb.DefineNodesRequest{Session: t.session, Source: source})
	return err
}

func (t tour) set(ctx context.Context, values map[uint64]*pb.Tensor) error {
	request := &pb.SetVariablesRequest{Session: t.session}
	for id, value := range values {
		request.Updates = append(request.Updates, &pb.VariableUpdate{Variable: id, Source: &pb.VariableUpdate_Tensor{Tensor: value}})
	}
	_, err := t.SetVariables(ctx, request)
	return err
}

// lossOf computes the loss alone.
func (t tour) lossOf(ctx context.Context, feeds []*pb.Feed) (float64, error) {
	reply, err := t.Forward(ctx, &pb.ForwardRequest{Session: t.session, Feeds: feeds, Fetches: []*pb.Fetch{{Value: loss}}})
	if err != nil {
		return 0, err
	}
	return numbers(reply.Values[0].Tensor.GetRaw())[0], nil
}

// Ids are the client's choice.
const (
	loss uint64 = 1 + iota
	x
	y
	w
	b
	w1
	b1
	w2
	b2
)

func (t tour) linearRegression(ctx context.Context) error {
	err := t.define(ctx, "mean((w*x + b - y)**2)", bind("x", x, false, 3), bind("y", y, false, 3), bind("w", w, true), bind("b", b, true))
	if err != nil {
		return err
	}
	if err := t.set(ctx, map[uint64]*pb.Tensor{w: tensor([]float64{2}), b: tensor([]float64{1})}); err != nil {
		return err
	}
	backward := &pb.BackwardRequest{
		Session: t.session,
		Feeds:   []*pb.Feed{{Node: x, Tensor: tensor([]float64{1, 2, 3}, 3)}, {Node: y, Tensor: tensor([]float64{6, 9, 12}, 3)}},
		Roots:   []*pb.Root{{Value: loss}},
		Wrt:     []uint64{w, b},
		Fetches: []*pb.Fetch{{Value: loss}},
		Mode:    pb.GradientMode_GRADIENT_MODE_BOTH,
	}
	rate := 0.1
	step := &pb.ApplyGradientsRequest{
		Session:       t.session,
		Optimizer:     &pb.Optimizer{Kind: &pb.Optimizer_Sgd{Sgd: &pb.Sgd{LearningRate: &rate}}},
		ZeroGradients: true,
	}
	for i := 0; i < 200; i++ {
		reply, err := t.Backward(ctx, backward)
		if err != nil {
			return err
		}
		if i == 0 {
			first := func(t *pb.Tensor) float64 { return numbers(t.GetRaw())[0] }
			fmt.Printf("linear regression: loss %.6f, dw %.6f, db %.6f\n",
				first(reply.Values[0].Tensor), first(reply.Gradients[0].Tensor), first(reply.Gradients[1].Tensor))
		}
		if _, err := t.ApplyGradients(ctx, step); err != nil {
			return err
		}
	}
	read, err := t.GetVariables(ctx, &pb.GetVariablesRequest{Session: t.session, Variables: []uint64{w, b}})
	if err != nil {
		return err
	}
	fmt.Printf("after 200 steps: w %.6f, b %.6f\n", numbers(read.Variables[0].Value.GetRaw())[0], numbers(read.Variables[1].Value.GetRaw())[0])
	return nil
}

// A network learns exclusive or: the loop runs on the server, in slices of two rows.
func (t tour) perceptron(ctx context.Context) error {
	const any = -1
	err := t.define(ctx, "mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)",
		bind("x", x, false, any, 2), bind("y", y, false, any, 1),
		bind("w1", w1, true, 2, 4), bind("b1", b1, true, 4), bind("w2", w2, true, 4, 1), bind("b2", b2, true, 1))
	if err != nil {
		return err
	}
	err = t.set(ctx, map[uint64]*pb.Tensor{
		w1: tensor([]float64{0.5, -0.5, 0.25, 1, -0.25, 0.75, 0.5, -1}, 2, 4), b1: tensor(make([]float64, 4), 4),
		w2: tensor([]float64{0.5, -0.5, 0.25, 0.75}, 4, 1), b2: tensor(make([]float64, 1), 1),
	})
	if err != nil {
		return err
	}
	data := []*pb.Feed{
		{Node: x, Tensor: tensor([]float64{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)},
		{Node: y, Tensor: tensor([]float64{0, 1, 1, 0}, 4, 1)},
	}
	before, err := t.lossOf(ctx, data)
	if err != nil {
		return err
	}
	rate := 0.05
	training, err := t.Train(ctx, &pb.TrainRequest{
		Session:   t.session,
		Data:      data,
		BatchSize: 2,
		Roots:     []*pb.Root{{Value: loss}},
		Optimizer: &pb.Optimizer{Kind: &pb.Optimizer_Adam{Adam: &pb.Adam{LearningRate: &rate}}},
		Steps:     100,
	})
	if err != nil {
		return err
	}
	var applied uint64
	for {
		reply, err := training.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		applied = reply.GetResult().GetSteps() // Reports on the way have none.
	}
	after, err := t.lossOf(ctx, data)
	if err != nil {
		return err
	}
	fmt.Printf("perceptron: loss %.6f, after %d steps on the server %.6f\n", before, applied, after)
	return nil
}

// 16 MB up, used where they are, and their gradient back: that of sum(x²)/2 is x.
func (t tour) chunkedTensor(ctx context.Context) error {
	values := make([]float64, 1<<21)
	for i := range values {
		values[i] = float64(i % 1000)
	}
	name, err := upload(ctx, t.tensors, t.session, values)
	if err != nil {
		return err
	}
	if err := t.define(ctx, "sum(x*x) / 2", bind("x", x, false, -1)); err != nil {
		return err
	}
	reply, err := t.Backward(ctx, &pb.BackwardRequest{
		Session: t.session, Feeds: []*pb.Feed{{Node: x, Tensor: handle(name)}}, Roots: []*pb.Root{{Value: loss}},
		Wrt: []uint64{x}, Fetches: []*pb.Fetch{{Value: loss}}, GradientsAsHandles: true,
	})
	if err != nil {
		return err
	}
	gradient, err := download(ctx, t.tensors, t.session, reply.Gradients[0].Tensor.GetHandle())
	if err != nil {
		return err
	}
	verdict := "equal"
	for i := range values {
		if len(gradient) != len(values) || gradient[i] != values[i] {
			verdict = "different"
			break
		}
	}
	fmt.Printf("chunked tensor: %d bytes, energy %.1f, gradient %s\n", 8*len(values), numbers(reply.Values[0].Tensor.GetRaw())[0], verdict)
	return nil
}

// A ReLU whose derivative at 0 is 1: the function carries its gradient as data.
func (t tour) customGradient(ctx context.Context) error {
	err := t.define(ctx, `
		def slope(x, g) { return where(x < 0, 0, g) }
		def ramp(x) gradient slope(x) { return relu(x) }
		$10 = sum(relu(x))
		sum(ramp(x))`, bind("x", x, false, 3))
	if err != nil {
		return err
	}
	var gradients [][]float64
	for _, root := range []uint64{loss, 10} {
		reply, err := t.Backward(ctx, &pb.BackwardRequest{
			Session: t.session, Feeds: []*pb.Feed{{Node: x, Tensor: tensor([]float64{-1, 0, 2}, 3)}}, Roots: []*pb.Root{{Value: root}}, Wrt: []uint64{x},
		})
		if err != nil {
			return err
		}
		gradients = append(gradients, numbers(reply.Gradients[0].Tensor.GetRaw()))
	}
	own, builtin := gradients[0], gradients[1]
	fmt.Printf("custom gradient: %g %g %g, built-in %g %g %g\n", own[0], own[1], own[2], builtin[0], builtin[1], builtin[2])
	return nil
}

// An error tells a reason that stays the same, what it applies to, and the fields at fault.
func (t tour) errors(ctx context.Context) error {
	if err := t.define(ctx, "x + y", bind("x", x, false, -1), bind("y", y, false, -1)); err != nil {
		return err
	}
	_, err := t.lossOf(ctx, []*pb.Feed{{Node: x, Tensor: tensor([]float64{1, 2}, 2)}, {Node: y, Tensor: tensor([]float64{1, 2, 3}, 3)}})
	info, _ := refusal(err)
	fmt.Printf("error: %s, op %s, shapes %s\n", info.GetReason(), info.GetMetadata()["op"], info.GetMetadata()["shapes"])
	rate := -1.0
	_, err = t.ApplyGradients(ctx, &pb.ApplyGradientsRequest{
		Session: t.session, Optimizer: &pb.Optimizer{Kind: &pb.Optimizer_Sgd{Sgd: &pb.Sgd{LearningRate: &rate}}},
	})
	info, fields := refusal(err)
	fmt.Printf("error: %s, fields %s\n", info.GetReason(), strings.Join(fields, ", "))
	return nil
}

// refusal reads the details of an error; they are empty where no server answered.
func refusal(err error) (info *errdetails.ErrorInfo, fields []string) {
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fields = append(fields, violation.Field)
			}
		}
	}
	return info, fields
}
