"""Stands between the homeserver and the gateway's application service, and notes which events the gateway took.

Synapse hands events to its sender in memory before it notes how far it has come: what waits there when it is killed is
never pushed. Whoever kills it has to know what was. And where a push fails, it may send the next one before it has noted
that the service is down, and repeat the failed one afterwards.
"""

import http.client
import http.server
import json
import threading


class Pushes:
    def __init__(self, port, gateway_port):
        self.taken = set()
        self.pushed = {}
        # What passed, in order: (event id, when it was pushed: False; when the gateway said that it has it: True).
        self.history = []
        pushes = self

        class Handler(http.server.BaseHTTPRequestHandler):
            # One request a connection: none outlives this, kept open by the homeserver for the next.
            protocol_version = "HTTP/1.0"

            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                events = []
                if "/transactions/" in self.path:
                    events = [event["event_id"] for event in json.loads(body)["events"]]
                pushes.history += [(event, False) for event in events]
                connection = http.client.HTTPConnection("127.0.0.1", gateway_port, timeout=30)
                try:
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    status, content = answer.status, answer.read()
                except OSError:
                    status, content = 503, b"{}"
                except http.client.HTTPException:
                    status, content = 503, b"{}"
                finally:
                    connection.close()
                if status == 200:
                    pushes.note(events)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the homeserver was killed meanwhile

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def note(self, events):
        for event in events:
            self.history.append((event, True))
            self.taken.add(event)
            self.pushed[event] = self.pushed.get(event, 0) + 1

    def may_come_first(self, event, other):
        """Whether the gateway may have taken `event` before `other`: it was pushed before the gateway said that it has that."""
        return self.history.index((event, False)) < self.history.index((other, True))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
