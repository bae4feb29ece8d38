"""Serves one image, unpacked from `docker save`, to a client that pulls: registry.py FOLDER PORT_FILE, on loopback."""

import http.server
import json
import os
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
manifest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, _, reference = self.path.rpartition("/")
        if kind.endswith("/manifests"):
            self.answer(reference if reference.startswith("sha256:") else manifest, "application/vnd.oci.image.manifest.v1+json")
        elif kind.endswith("/blobs"):
            self.answer(reference, "application/octet-stream")
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def answer(self, digest, content_type):
        body = (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
port_file = pathlib.Path(sys.argv[2])
port_file.with_suffix(".partial").write_text(str(server.server_port))
os.replace(port_file.with_suffix(".partial"), port_file)
server.serve_forever()
