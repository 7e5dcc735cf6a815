"""nginx at the far end of a veth pair (veth.py), as a server that the project did not write.

    with Nginx(veth, folder, "listen 10.77.3.1:8080;"): ...

SERVER has the directives of the server that is meant: where it listens, and what belongs to that (TLS).
Under the folder FILES of `folder` it serves

    /          files as they are, kept alive
    /closing/  the same, each connection closed after its answer
    /chunked/  the same, in chunks
    /to-close/ the same, ended by the connection's end
    /gzip/     the same, compressed if that is accepted, in chunks then
    /same      304
    /upload    204, to any method, once the whole request was read
"""
import pathlib
import shutil
import subprocess
import time

CONFIG = """
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 100m;
    keepalive_requests 1000000;
    ssi_types *;
    gzip_types *;
    server {{
        {server}
        root {folder}/files;
        location /closing/ {{ alias {folder}/files/; keepalive_timeout 0; }}
        location /chunked/ {{ alias {folder}/files/; ssi on; }}
        location /to-close/ {{ alias {folder}/files/; ssi on; chunked_transfer_encoding off; }}
        location /gzip/ {{ alias {folder}/files/; gzip on; gzip_min_length 1; }}
        location /same {{ return 304; }}
        location /upload {{ proxy_pass http://127.0.0.1:81; }}
    }}
    server {{
        listen 127.0.0.1:81;
        location / {{ return 204; }}
    }}
}}
"""


class Nginx:
    def __init__(self, veth, folder, server):
        self.veth, self.folder = veth, pathlib.Path(folder)
        self.config = self.folder / "nginx.conf"
        self.process = None
        (self.folder / "files").mkdir(parents=True, exist_ok=True)
        self.config.write_text(CONFIG.format(folder=self.folder, server=server))

    def file(self, name, content):
        (self.folder / "files" / name).write_bytes(content)

    def __enter__(self):
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        if program is None:
            raise OSError("no nginx: scripts/setup --test installs it")
        checked = self.veth.run([program, "-t", "-q", "-c", self.config], capture_output=True, text=True,
                                check=False)
        if checked.returncode != 0:
            raise OSError(checked.stderr)
        self.process = self.veth.start([program, "-c", self.config], stderr=subprocess.DEVNULL)
        self._await()
        return self

    def _await(self):
        for _ in range(500):
            if self.veth.run(["ss", "-Hltn", "sport = :81"], capture_output=True, check=True).stdout:
                return
            time.sleep(0.01)
        raise OSError("nginx does not listen: " + (self.folder / "error.log").read_text())

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
