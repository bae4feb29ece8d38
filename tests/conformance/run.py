#!/usr/bin/env python3
"""Runs the vectors against a server: run.py HOST:PORT [FILE…]   (after samples/python/generate.sh)"""
import json
import math
import pathlib
import struct
import sys
from base64 import b64decode

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "samples/python"))

import grpc
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2, status_pb2
from gradients.v1 import evaluation_service_pb2, graph_service_pb2, server_service_pb2, session_service_pb2, tensor_service_pb2

FLOATS = {"DATA_TYPE_FLOAT32": "fi", "DATA_TYPE_FLOAT64": "dq"}


class Refused(Exception):
    def __init__(self, status):
        self.status = status


def call(channel, path, request):
    """Any rpc by its name; a list stands for a stream of messages, which in replies of Interact are joined."""
    service, name = path.split("/")
    method = Default().FindServiceByName(service).FindMethodByName(name)
    shape = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(shape)
    message = message_factory.MessageFactory().GetPrototype
    arity = ["unary", "stream"][shape.client_streaming] + "_" + ["unary", "stream"][shape.server_streaming]
    stub = getattr(channel, arity)("/" + path, message(method.input_type).SerializeToString, message(method.output_type).FromString)
    messages = [ParseDict(r, message(method.input_type)()) for r in (request if shape.client_streaming else [request])]
    try:
        reply = stub(iter(messages) if shape.client_streaming else messages[0], timeout=60)
        replies = [MessageToDict(r) for r in (reply if shape.server_streaming else [reply])]
    except grpc.RpcError as error:
        raise Refused(MessageToDict(status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"]))) from None
    if name == "Interact":
        return [result for r in replies for result in r["results"]]
    return replies if shape.server_streaming else replies[0]


def flat(status):
    """A google.rpc.Status as its code, reason, metadata and the fields at fault."""
    result = {"code": next(c.name for c in grpc.StatusCode if c.value[0] == status["code"])}
    for detail in status.get("details", []):
        if detail["@type"].endswith("google.rpc.ErrorInfo"):
            result |= {"reason": detail["reason"], "metadata": detail.get("metadata", {})}
        elif detail["@type"].endswith("google.rpc.BadRequest"):
            result["fields"] = [v["field"] for v in detail["fieldViolations"]]
    return result


def compare(expected, actual, ulps, at=""):
    """Yields what differs. Fields that are not expected are not looked at; null expects a field's default."""
    if expected is None:
        if actual not in (None, [], "", 0, "0", False):
            yield f"{at}: {actual} where nothing is expected"
    elif isinstance(expected, dict):
        actual = flat(actual) if isinstance(actual, dict) and at.endswith((".error", ".stopped")) and "reason" not in actual else actual
        if not isinstance(actual, dict):
            yield f"{at}: {actual} instead of {expected}"
            return
        for key, value in expected.items():
            if key == "raw" and value is not None and ulps is not None and expected["dataType"] in FLOATS:
                yield from distant(expected, actual.get("raw"), ulps, at)
            else:
                yield from compare(value, actual.get(key, {} if value == {} else None), ulps, f"{at}.{key}")
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            yield f"{at}: {actual} instead of {expected}"
            return
        for i, (e, a) in enumerate(zip(expected, actual)):
            yield from compare(e, a, ulps, f"{at}.{i}")
    elif expected != actual and str(expected) != str(actual):
        yield f"{at}: {actual} instead of {expected}"


def distant(expected, actual, ulps, at):
    """Numbers: any NaN for a NaN, else so many floats apart; -0 and 0 are neighbours."""
    code, integer = FLOATS[expected["dataType"]]
    unpack = lambda text, kind: [v for (v,) in struct.iter_unpack("<" + kind, b64decode(text or ""))]
    order = lambda i: i if i >= 0 else -1 - (i & (1 << 8 * struct.calcsize(integer) - 1) - 1)
    want, got = unpack(expected["raw"], code), unpack(actual, code)
    if len(want) != len(got):
        yield f"{at}: {len(got)} elements instead of {len(want)}"
        return
    for i, (w, g, p, q) in enumerate(zip(want, got, unpack(expected["raw"], integer), unpack(actual, integer))):
        if not (math.isnan(w) and math.isnan(g)) and (math.isnan(w) or math.isnan(g) or abs(order(p) - order(q)) > ulps):
            yield f"{at}[{i}]: {g!r} instead of {w!r}, {abs(order(p) - order(q))} apart"


def substitute(value, names):
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {k: substitute(v, names) for k, v in value.items()}
    return [substitute(v, names) for v in value] if isinstance(value, list) else value


def run(channel, case):
    names = {}
    for number, step in enumerate(case["steps"], 1):
        outcome = {}
        try:
            outcome["reply"] = call(channel, step["call"], substitute(step["request"], names))
        except Refused as refusal:
            outcome["error"] = flat(refusal.status)
        side = "error" if "error" in step else "reply"
        if side not in outcome:
            yield f"step {number}: {outcome} instead of {side} {step[side]}"
            return
        for difference in compare(substitute(step[side], names), outcome[side], step.get("ulps")):
            yield f"step {number}: {side}{difference}"
        for name, path in step.get("keep", {}).items():
            value = outcome[side]
            for key in path.split("."):
                value = value[int(key) if isinstance(value, list) else key]
            names[name] = value


def main(address, *files):
    cases = failed = 0
    with grpc.insecure_channel(address) as channel:
        features = call(channel, "gradients.v1.ServerService/GetServerInfo", {})["features"]
        for path in map(pathlib.Path, files or sorted(HERE.glob("*.json"))):
            document = json.loads(path.read_text())
            if document.get("feature", features[0]) not in features:
                print(f"{path.name} is left out: this server has no {document['feature']}")
                continue
            for case in document["cases"]:
                cases += 1
                differences = list(run(channel, case))
                failed += bool(differences)
                for difference in differences:
                    print(f"{path.name}: {case['name']}: {difference}")
    print(f"{cases} cases, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
