"""The Matrix client-server API, as much of it as trials need. Standard library only."""

import http.client
import json
import ssl
import time
import urllib.parse

from processes import Failed


def quote(text):
    return urllib.parse.quote(text, safe="")


class Client:
    """One user of a homeserver."""

    def __init__(self, base_url, ca_file, user_id=None, token=None):
        parts = urllib.parse.urlsplit(base_url)
        self.host, self.port = parts.hostname, parts.port
        self.context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self.user_id = user_id
        self.token = token
        self.transactions = 0

    def call(self, method, path, body=None, query=None, expect=200):
        """The answer as JSON; a status other than `expect` is a failure (None: any)."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        kind = http.client.HTTPSConnection if self.context else http.client.HTTPConnection
        options = {"context": self.context} if self.context else {}
        connection = kind(self.host, self.port, timeout=40, **options)
        try:
            headers = {"Content-Type": "application/json"}
            if self.token:
                headers["Authorization"] = "Bearer " + self.token
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = {"errcode": "NOT_JSON", "error": raw[:200].decode(errors="replace")}
        if expect is not None and response.status != expect:
            raise Failed(f"{method} {path}: {response.status} {answer}")
        return answer

    def create_room(self, name, invite=(), **extra):
        return self.call("POST", "/_matrix/client/v3/createRoom", {"name": name, "invite": list(invite), **extra})["room_id"]

    def join(self, room):
        return self.call("POST", f"/_matrix/client/v3/join/{quote(room)}", {})["room_id"]

    def invite(self, room, user):
        self.call("POST", f"/_matrix/client/v3/rooms/{quote(room)}/invite", {"user_id": user})

    def kick(self, room, user):
        self.call("POST", f"/_matrix/client/v3/rooms/{quote(room)}/kick", {"user_id": user})

    def set_state(self, room, event_type, content, key=""):
        path = f"/_matrix/client/v3/rooms/{quote(room)}/state/{quote(event_type)}/{quote(key)}"
        return self.call("PUT", path, content)["event_id"]

    def state(self, room, event_type, key=""):
        return self.call("GET", f"/_matrix/client/v3/rooms/{quote(room)}/state/{quote(event_type)}/{quote(key)}")

    def set_power(self, room, user, level):
        levels = self.state(room, "m.room.power_levels")
        levels.setdefault("users", {})[user] = level
        self.set_state(room, "m.room.power_levels", levels)

    def send(self, room, content, event_type="m.room.message"):
        self.transactions += 1
        path = f"/_matrix/client/v3/rooms/{quote(room)}/send/{quote(event_type)}/t{time.time_ns()}.{self.transactions}"
        return self.call("PUT", path, content)["event_id"]

    def say(self, room, text):
        return self.send(room, {"msgtype": "m.text", "body": text})

    def display_name(self, user):
        return self.call("GET", f"/_matrix/client/v3/profile/{quote(user)}/displayname").get("displayname", user)

    def events(self, room, limit=500):
        """What is in the room, oldest first."""
        found, start = [], None
        while True:
            query = {"dir": "b", "limit": limit, **({"from": start} if start else {})}
            answer = self.call("GET", f"/_matrix/client/v3/rooms/{quote(room)}/messages", query=query)
            found += answer["chunk"]
            start = answer.get("end")
            if not start or not answer["chunk"]:
                return found[::-1]

    def wait_event(self, room, test, seconds):
        """The first event for which `test` holds, once it is there."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events(room):
                if test(event):
                    return event
            if time.monotonic() > deadline:
                raise Failed(f"no such event in {room} after {seconds} s")
            time.sleep(0.1)
