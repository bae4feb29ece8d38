package main

import (
	"context"
	"encoding/binary"
	"io"
	"math"

	pb "gradients/v1"
)

const chunkBytes = 1 << 20

// tensor makes a float64 tensor; without a shape it is a scalar.
func tensor(values []float64, shape ...int64) *pb.Tensor {
	raw := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(v))
	}
	return &pb.Tensor{DataType: pb.DataType_DATA_TYPE_FLOAT64, Shape: shape, Content: &pb.Tensor_Raw{Raw: raw}}
}

// numbers reads a float64 tensor.
func numbers(raw []byte) []float64 {
	values := make([]float64, len(raw)/8)
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return values
}

func handle(name string) *pb.Tensor { return &pb.Tensor{Content: &pb.Tensor_Handle{Handle: name}} }

// bind declares a name of a text as an input (or variable) of value id. A negative size is one that comes with the feed.
func bind(name string, id uint64, variable bool, sizes ...int64) *pb.ExpressionBinding {
	shape := &pb.TensorType{DataType: pb.DataType_DATA_TYPE_FLOAT64}
	for _, size := range sizes {
		dimension := &pb.Dimension{}
		if size >= 0 {
			dimension.Length = &pb.Dimension_Size{Size: size}
		}
		shape.Dimensions = append(shape.Dimensions, dimension)
	}
	return &pb.ExpressionBinding{Name: name, Value: id, Type: shape, Variable: variable}
}

// upload moves a vector in chunks; the handle may be fed in its place.
func upload(ctx context.Context, tensors pb.TensorServiceClient, session string, values []float64) (string, error) {
	call, err := tensors.UploadTensor(ctx)
	if err != nil {
		return "", err
	}
	whole := tensor(values, int64(len(values)))
	header := &pb.UploadTensorHeader{Session: session, DataType: whole.DataType, Shape: whole.Shape}
	message := &pb.UploadTensorRequest{Part: &pb.UploadTensorRequest_Header{Header: header}}
	for raw, offset := whole.GetRaw(), 0; ; {
		// The server has ended the call: its reason comes with CloseAndRecv.
		if err := call.Send(message); err == io.EOF || offset == len(raw) {
			break
		} else if err != nil {
			return "", err
		}
		end := offset + chunkBytes
		if end > len(raw) {
			end = len(raw)
		}
		chunk := &pb.TensorChunk{Offset: uint64(offset), Data: raw[offset:end]}
		message, offset = &pb.UploadTensorRequest{Part: &pb.UploadTensorRequest_Chunk{Chunk: chunk}}, end
	}
	reply, err := call.CloseAndRecv()
	return reply.GetHandle(), err
}

// download reads a tensor of the session: a header, then chunks.
func download(ctx context.Context, tensors pb.TensorServiceClient, session, name string) ([]float64, error) {
	call, err := tensors.DownloadTensor(ctx, &pb.DownloadTensorRequest{Session: session, Source: &pb.DownloadTensorRequest_Handle{Handle: name}})
	if err != nil {
		return nil, err
	}
	var raw []byte
	for {
		reply, err := call.Recv()
		if err == io.EOF {
			return numbers(raw), nil
		}
		if err != nil {
			return nil, err
		}
		raw = append(raw, reply.GetChunk().GetData()...)
	}
}
