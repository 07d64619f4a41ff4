"""Stands before the homeserver, with its certificate, and treats requests badly."""

import http.client
import http.server
import socket
import ssl
import threading


class Proxy:
    """`faults`: called with method and path of each request; None: it is passed on. Otherwise what happens to it:
    "cut": the homeserver has processed it, and its answer is lost with the connection;
    "html": the homeserver has processed it, and a page with 502 comes back;
    "away": the page comes back, and the homeserver never sees the request;
    "hang": the homeserver has processed it, and nothing comes back for as long as the client waits.
    """

    def __init__(self, homeserver, faults=lambda method, path: None):
        self.faults, self.seen, self.statuses = faults, [], []
        self.refuses = False
        self.ends = threading.Event()
        proxy = self
        trust = ssl.create_default_context(cafile=homeserver.ca_file)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = "away" if proxy.refuses else proxy.faults(self.command, self.path)
                if fault:
                    proxy.seen.append((fault, self.path))
                page = (502, [("Content-Type", "text/html")], b"<html><h1>502 Bad Gateway</h1></html>")
                if fault == "away":
                    answer = page
                else:
                    answer = self.forward(body)
                    proxy.statuses.append(answer[0])
                if fault == "cut":
                    self.cut()
                    return
                if fault == "hang":
                    proxy.ends.wait(60)
                    self.cut()
                    return
                status, headers, content = page if fault == "html" else answer
                self.send_response(status)
                for name, value in headers:
                    if name.lower() in ("content-type", "retry-after"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_any

            def forward(self, body):
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                connection = http.client.HTTPSConnection("127.0.0.1", homeserver.port, timeout=60, context=trust)
                try:
                    connection.request(self.command, self.path, body, headers)
                    response = connection.getresponse()
                    return response.status, response.getheaders(), response.read()
                finally:
                    connection.close()

            def cut(self):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{homeserver.folder}/server.pem", f"{homeserver.folder}/server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def stop(self):
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()
