"""A web server on a free local port that answers as a script file says. Python 3, standard library only.

usage: server.py SCRIPT LOG      prints its port on the first line of standard output, ends with its input

SCRIPT is JSON, read again at every request:
  {"id": 1, "routes": {"GET /path": [answer, ...], "/path": [answer, ...]}}
The n-th request to a route gets its n-th answer, later ones the last; a new id starts counting anew. A route
without a method serves GET and HEAD. An answer may have
  status (200), headers ({}), body (text) or fill (a number of bytes of a fixed pattern),
  drop_after: close the connection after so many bytes of the body,
  no_length: send no Content-Length, ignore_range: answer Range requests in full,
  range_start: claim, in Content-Range, to start there,
  etag: "git" or "sha256", sends that checksum of the body as ETag,
  linked: {body or fill}: sends X-Linked-Etag (SHA-256) and X-Linked-Size of that content.
LOG gets one JSON line a request: {"method", "path", "headers"}.
"""
import hashlib
import http.server
import json
import sys
import threading


def pattern(size):
    block = bytes((i * 7 + i // 256) % 251 for i in range(4096))
    return (block * (size // len(block) + 1))[:size]


def content_of(answer):
    return pattern(answer["fill"]) if "fill" in answer else answer.get("body", "").encode()


def checksum(content, kind):
    if kind == "git":
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return hashlib.sha256(content).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body leave at once
    lock = threading.Lock()
    script_id = None
    served = {}

    def log_message(self, *_):
        pass

    def next_answer(self):
        with open(sys.argv[1], encoding="utf-8") as file:
            script = json.load(file)
        with Handler.lock:
            if script["id"] != Handler.script_id:
                Handler.script_id, Handler.served = script["id"], {}
            with open(sys.argv[2], "a", encoding="utf-8") as log:
                headers = {name.lower(): value for name, value in self.headers.items()}
                log.write(json.dumps({"method": self.command, "path": self.path, "headers": headers}) + "\n")
            for route in (f"{self.command} {self.path}", self.path):
                if route in script["routes"]:
                    answers = script["routes"][route]
                    turn = Handler.served.get(route, 0)
                    Handler.served[route] = turn + 1
                    return answers[min(turn, len(answers) - 1)]
        return {"status": 404, "body": "no such route"}

    def do_GET(self):
        answer = self.next_answer()
        body = content_of(answer)
        status, headers = answer.get("status", 200), dict(answer.get("headers", {}))
        if "etag" in answer:
            headers["ETag"] = f'"{checksum(body, answer["etag"])}"'
        if "linked" in answer:
            content = content_of(answer["linked"])
            headers.setdefault("X-Linked-Etag", f'"{checksum(content, "sha256")}"')
            headers.setdefault("X-Linked-Size", str(len(content)))
        asked = self.headers.get("Range", "")
        if status == 200 and asked.startswith("bytes=") and not answer.get("ignore_range"):
            start = int(asked[len("bytes="):].split("-")[0])
            if start >= len(body):
                status, body = 416, b""
            else:
                said = answer.get("range_start", start)
                headers["Content-Range"] = f"bytes {said}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[start:]
        if not answer.get("no_length"):
            headers.setdefault("Content-Length", str(len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:answer.get("drop_after", len(body))])
            self.wfile.flush()
        if "drop_after" in answer or answer.get("no_length"):
            self.close_connection = True

    do_HEAD = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went away


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # ends when whoever started this does, in whatever way
