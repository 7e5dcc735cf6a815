"""An HTTP/1.1 server of the standard library, for http_streams.py: http_server.py ADDRESS PORT

/size/N answers N bytes, /status/N with that status and no body; a POST is answered by the length of
its body. Every answer names the server.
"""
import http.server
import sys


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
        if kind == "size":
            self.answer(200, b"x" * int(number))
        elif kind == "status":
            self.answer(int(number), b"")
        else:
            self.answer(200, b"hello")

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.answer(200, b"%d" % len(self.rfile.read(size)))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    disable_nagle_algorithm = True


Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
