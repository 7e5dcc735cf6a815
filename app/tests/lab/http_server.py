"""An HTTP/1.1 server of the standard library, for http_streams.py: http_server.py ADDRESS PORT

/size/N answers N bytes, /status/N with that status and no body, /made/N with N bytes that http_bodies.py
makes likewise; a POST is answered by the length of its body, a PUT by that and its SHA-256. Every answer
names the server.
"""
import hashlib
import http.server
import sys


def made(size):
    """SIZE bytes in parts: no two parts are alike."""
    part = bytes(i * 7 % 251 for i in range(1 << 20))
    for at in range(0, size, len(part)):
        yield (at.to_bytes(8, "big") + part)[:min(len(part), size - at)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("X-Kahttp-Server-Host", "server-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        _, kind, number = (self.path.split("/") + ["", ""])[:3]
        if kind == "made":
            self.send_response(200)
            self.send_header("Content-Length", number)
            self.end_headers()
            for part in made(int(number)):
                self.wfile.write(part)
            return
        if kind == "size":
            self.answer(200, b"x" * int(number))
        elif kind == "status":
            self.answer(int(number), b"")
        else:
            self.answer(200, b"hello")

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.answer(200, b"%d" % len(self.rfile.read(size)))

    def parts(self):
        """Of the request's body, in chunks or not."""
        chunked = self.headers["Transfer-Encoding"] == "chunked"
        left = int(self.rfile.readline(), 16) if chunked else int(self.headers["Content-Length"])
        while left > 0:
            part = self.rfile.read(min(left, 1 << 20))
            yield part
            left -= len(part)
            if chunked and left == 0 and self.rfile.readline() == b"\r\n":
                left = int(self.rfile.readline(), 16)
        if chunked:
            self.rfile.readline()

    def do_PUT(self):
        size, digest = 0, hashlib.sha256()
        for part in self.parts():
            size += len(part)
            digest.update(part)
        self.answer(200, f"{size} {digest.hexdigest()}".encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    disable_nagle_algorithm = True


if __name__ == "__main__":
    Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
