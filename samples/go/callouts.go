package main

import (
	"context"
	"fmt"

	pb "gradients/v1"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// custom is what a node of the op Custom asks for: values of its input, and the gradient of the input from the output's.
type custom struct {
	forward  func(x []float64) []float64
	backward func(x, cotangent []float64) []float64
}

// answer serves call-outs until the stream is closed. It returns when the stream owns the session.
func (t tour) answer(ctx context.Context, functions map[string]custom) (func() error, error) {
	stream, err := t.Interact(ctx)
	if err != nil {
		return nil, err
	}
	attach := &pb.SessionCommand{Command: &pb.SessionCommand_DefineNodes{DefineNodes: &pb.DefineNodesRequest{}}}
	if err := stream.Send(&pb.InteractRequest{Session: t.session, Commands: []*pb.SessionCommand{attach}}); err != nil {
		return nil, err
	}
	if _, err := stream.Recv(); err != nil {
		return nil, err
	}
	go func() {
		for {
			reply, err := stream.Recv()
			if err != nil {
				return // Closed; a command that still waits fails with CALLOUT_UNAVAILABLE.
			}
			for _, result := range reply.Results {
				asked := result.GetCallout()
				answer := &pb.SessionCommand{Command: &pb.SessionCommand_CalloutReply{CalloutReply: compute(functions, asked)}}
				if stream.Send(&pb.InteractRequest{Commands: []*pb.SessionCommand{answer}}) != nil {
					return
				}
			}
		}
	}()
	return stream.CloseSend, nil
}

func compute(functions map[string]custom, asked *pb.CalloutRequest) *pb.CalloutReply {
	reply := &pb.CalloutReply{Callout: asked.Callout}
	f, ok := functions[asked.Name]
	if !ok {
		reply.Error = &status.Status{Code: int32(codes.NotFound), Message: "no function " + asked.Name}
		return reply
	}
	x := asked.Inputs[0]
	var values []float64
	if asked.Phase == pb.CalloutPhase_CALLOUT_PHASE_FORWARD {
		values = f.forward(numbers(x.GetRaw()))
	} else {
		values = f.backward(numbers(x.GetRaw()), numbers(asked.Cotangents[0].GetRaw()))
	}
	reply.Values = []*pb.CalloutValue{{Tensor: tensor(values, x.Shape...)}}
	return reply
}

// A table that only the client has: the server asks for the values between its entries, and for their slopes.
func (t tour) callout(ctx context.Context) error {
	table := []float64{0, 1, 4, 9}
	slope := func(x float64) float64 { return table[int(x)+1] - table[int(x)] }
	closeStream, err := t.answer(ctx, map[string]custom{"table": {
		forward: func(x []float64) []float64 {
			y := make([]float64, len(x))
			for i, v := range x {
				y[i] = table[int(v)] + slope(v)*(v-float64(int(v)))
			}
			return y
		},
		backward: func(x, cotangent []float64) []float64 {
			g := make([]float64, len(x))
			for i, v := range x {
				g[i] = cotangent[i] * slope(v)
			}
			return g
		},
	}})
	if err != nil {
		return err
	}
	defer closeStream()
	if err := t.define(ctx, `y = Custom(x, name="table"); sum(y)`, bind("x", x, false, 2), &pb.ExpressionBinding{Name: "y", Value: y}); err != nil {
		return err
	}
	reply, err := t.Backward(ctx, &pb.BackwardRequest{
		Session: t.session, Feeds: []*pb.Feed{{Node: x, Tensor: tensor([]float64{0.5, 2.25}, 2)}},
		Roots: []*pb.Root{{Value: loss}}, Wrt: []uint64{x}, Fetches: []*pb.Fetch{{Value: y}},
	})
	if err != nil {
		return err
	}
	values, gradient := numbers(reply.Values[0].Tensor.GetRaw()), numbers(reply.Gradients[0].Tensor.GetRaw())
	fmt.Printf("call-out: values %g %g, gradient %g %g\n", values[0], values[1], gradient[0], gradient[1])
	return nil
}
