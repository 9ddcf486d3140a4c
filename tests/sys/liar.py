"""A spoke that lies: HTTPS with the key of a real one, and at one step what no honest spoke says.

liar.py PORT KEY.pem STATE: STATE is a directory; `lie` in it names the lie, read at each request,
`log` gets a line a request. What is not lied about is answered as an empty spoke would.
"""
import functools
import http.server
import json
import re
import socket
import ssl
import sys
import time

port, pem, state = int(sys.argv[1]), sys.argv[2], sys.argv[3]
EPOCH = "0123456789abcdef" * 2
ROOT = "ab" * 32


def group(**more):
    g = {"name": "g", "epoch": EPOCH, "seq": 0, "free": 1 << 40, "reflink": False, "hashing": False}
    return {**g, **more}


def hello(*groups, **more):
    h = {"version": 1, "software": "liar", "zone": "UTC", "groups": list(groups) or [group()]}
    return {**h, **more}


def entry(**more):
    e = {"path": "x", "seq": 1, "root": ROOT, "size": 1, "mtime": {"sec": 1, "nsec": 0}, "mode": 420}
    return {**e, **more}


def inventory(*entries, **more):
    return {**{"epoch": EPOCH, "seq": 5, "more": False, "entries": list(entries)}, **more}


def endless(since):
    """Ever new paths, each of a thousand bytes and damaged."""
    return inventory(*[entry(path="/".join(["%d" % i] + ["x" * 240] * 4), seq=i, local="damaged")
                       for i in range(since + 1, since + 3001)], seq=since + 3000, more=True)


def large(make):
    """A body that takes a while to make: made once, so that only the first asker sees nothing move."""
    return functools.cache(lambda: json.dumps(make()).encode())


# step-lie: what the body is instead. The hello before an inventory says that there is one.
LIES = {
    "hello-garbage": b"\x00\xff{{{ no JSON",
    "hello-empty": b"",
    "hello-array": b"[]",
    "hello-deep": b"[" * 1000000,
    "hello-nul": b'{"version":1,"software":"a\\u0000b"}',
    "hello-version": hello(version=99),
    "hello-negative": hello(group(seq=-1)),
    "hello-seq-2-63": hello(group(seq=1 << 63)),
    "hello-float": hello(version=1.5),
    "hello-zone": hello(zone="../../etc/passwd"),
    "hello-epoch": hello(group(epoch="x")),
    "hello-name": hello(group(name="../g")),
    "hello-million": large(lambda: hello(*[group(name="g%d" % i) for i in range(60000)])),
    "inventory-garbage": b"<html>",
    "inventory-up": inventory(entry(path="../../etc/passwd")),
    "inventory-absolute": inventory(entry(path="/etc/passwd")),
    "inventory-store": inventory(entry(path="a/.spokesync/x")),
    "inventory-long": inventory(entry(path="x" * 300)),
    "inventory-size": inventory(entry(size=1 << 63)),
    "inventory-root": inventory(entry(root="zz" * 32)),
    "inventory-still": inventory(seq=0, more=True),
    "inventory-circle": inventory(entry(seq=5), seq=5, more=True),
    "inventory-back": inventory(seq=-5),
    "inventory-many": large(lambda: inventory(*[entry(path="x%d" % i, seq=i) for i in range(20000)])),
    "offers-garbage": b"null",
    "offers-refusal": {"error": "because", "staged": False, "filling": False, "proven_bytes": 0},
    "offers-offset": {"bundle": ROOT, "offset": -1, "staged": False, "filling": False, "proven_bytes": 0},
    "offers-runs": {"staged": False, "filling": False, "proven_bytes": 0, "proven": [0, 1 << 62]},
    "offers-proven": {"staged": False, "filling": False, "proven_bytes": 1 << 63},
    "transfers-garbage": b"\xff\xfe",
    "transfers-ahead": {"bundle": "BUNDLE", "offset": 1 << 50, "complete": False, "staged": False, "filling": False,
                        "proven_bytes": 0},
    "transfers-other": {"bundle": ROOT, "offset": 7, "complete": True, "staged": False, "filling": False,
                        "proven_bytes": 0},
    "transfers-failed": {"bundle": "BUNDLE", "offset": 0, "complete": True, "staged": False, "filling": False,
                         "proven_bytes": 0, "failed": [1 << 40, 1 << 20]},
    "publish-none": {"seq": 1, "results": []},
    "publish-more": {"seq": 1, "results": [{"done": True}] * 2},
    "publish-garbage": b'{"seq":1,"results":"x"}',
}


class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bundle = ROOT

    def log_message(self, *a):
        pass

    def lie(self):
        with open(state + "/lie") as f:
            return f.read().strip()

    def send(self, body, status=200, head=()):
        if callable(body):
            body = body()
        if not isinstance(body, bytes):
            body = json.dumps(body).replace("BUNDLE", Liar.bundle).encode()
        self.send_response(status)
        for k, v in head:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def raw(self, lie):
        """Lies about HTTP itself, at hello."""
        w = self.wfile
        if lie == "raw-endless":
            w.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                w.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        elif lie == "raw-heads":
            w.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                w.write(b"X-A: " + b"y" * 8000 + b"\r\n")
        elif lie == "raw-length":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n{}")
        elif lie == "raw-half":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        elif lie == "raw-none":
            w.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        elif lie == "raw-drip":
            w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n")
            while True:
                w.write(b" ")
                time.sleep(0.3)
        elif lie == "raw-silent":
            time.sleep(30)
        elif lie == "raw-redirect":
            self.send(b"", 302, [("Location", "https://127.0.0.1:%d/elsewhere" % port)])
            return
        elif lie == "raw-encoded":
            self.send(b"\x1f\x8b" + b"\0" * 1000, 200, [("Content-Encoding", "gzip")])
            return
        self.close_connection = True

    def body(self):
        if self.headers.get("Transfer-Encoding"):
            while True:
                n = int(self.rfile.readline().split(b";")[0] or b"0", 16)
                self.rfile.read(n + 2)
                if not n:
                    return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def any(self):
        lie = self.lie()
        step = re.sub(r"^/v1/(groups/[^/]*/)?([a-z]*).*", r"\2", self.path)
        with open(state + "/log", "a") as f:
            f.write("%s %s %s\n" % (lie, self.command, self.path))
        if m := re.search("bundle=([0-9a-f]{64})", self.path):
            Liar.bundle = m.group(1)
        self.body()
        if step == "hello" and lie.startswith("raw-"):
            return self.raw(lie)
        if lie == "room-always" and step == "offers":
            return self.send({"error": "no_space", "text": "full", "need": 1, "available": 0}, 507)
        if lie == "room-always" and step == "hello":
            return self.send(hello(group(free=time.time_ns() % (1 << 40))))
        if lie == "room-always" and step == "changes":
            return self.send({"seq": time.time_ns() // 1000})
        if lie == "inventory-endless" and step == "inventory":
            return self.send(endless(int(re.search("since=([0-9]+)", self.path).group(1))))
        if lie.startswith(step + "-") and lie in LIES:
            return self.send(LIES[lie])
        if step == "hello":
            # Ahead of all that the inventories tell, so that each is asked for again.
            return self.send(hello(group(seq=6 if lie.startswith("inventory-") else 0)))
        if step == "inventory":
            return self.send(inventory(seq=0))
        if step == "offers" and lie.startswith("publish-"):
            return self.send({"staged": True, "filling": False, "proven_bytes": 1 << 20})
        self.send({"staged": False, "filling": False, "proven_bytes": 0})

    do_GET = do_POST = do_PUT = do_DELETE = any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def get_request(self):
        s, a = self.socket.accept()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(s, server_side=True, do_handshake_on_connect=False), a

    def handle_error(self, request, address):
        pass


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.minimum_version = ssl.TLSVersion.TLSv1_3
tls.load_cert_chain(pem)
Server(("127.0.0.1", port), Liar).serve_forever()
