"""A server that writes down what it is told: a web server, or one for mail.

sink.py FILE http PORT              each POST: a line of JSON {path, header, body} (X-Test's value)
sink.py FILE https PORT CERT KEY    the same with TLS
sink.py FILE smtp PORT              each mail: a line of JSON {from, to, text}

A file FILE.status, where there is one, holds the status that is answered, once for each of its lines.
"""
import http.server
import json
import os
import socketserver
import ssl
import sys

out, kind, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


def write(o):
    with open(out, "a", encoding="utf-8") as f:
        f.write(json.dumps(o) + "\n")


def status():
    name = out + ".status"
    if not os.path.exists(name):
        return 200
    with open(name, encoding="utf-8") as f:
        lines = f.read().split()
    with open(name, "w", encoding="utf-8") as f:
        f.write("\n".join(lines[1:]))
    return int(lines[0]) if lines else 200


class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        code = status()
        write({"path": self.path, "header": self.headers.get("X-Test"), "status": code,
               "type": self.headers.get("Content-Type"), "body": json.loads(body)})
        self.send_response(code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self):
        lines = []
        self.say("354 go on")
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line[1:] if line.startswith("..") else line)
        return "\n".join(lines)

    def handle(self):
        mail = {"to": []}
        self.say("220 sink")
        while line := self.rfile.readline().decode().strip():
            word = line.split(":")[0].split()[0].upper()
            if word == "MAIL":
                mail["from"] = line.split(":", 1)[1].strip()
            elif word == "RCPT":
                mail["to"].append(line.split(":", 1)[1].strip())
            elif word == "DATA":
                write({**mail, "text": self.data()})
            self.say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                break


if kind == "smtp":
    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Mail)
else:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Web)
if kind == "https":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
