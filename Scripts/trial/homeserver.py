"""A throw-away Synapse on the loopback interface, with TLS by an authority made for the run."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time

import certificates
import matrix
from processes import Failed, Program, free_port

LOGGING = {
    "version": 1,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "filename": None, "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["file"]},
    "disable_existing_loggers": False,
}


class Homeserver:
    """Synapse in a folder: started again on the same folder, it goes on where it was."""

    server_name = "hs.test"

    def __init__(self, folder, registrations=(), port=None, extra=None):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.port = port or free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.registrations = [str(path) for path in registrations]
        self.extra = extra or {}
        self.secret = secrets.token_urlsafe(24)
        self.program = None
        paths = certificates.make(self.folder)
        self.ca_file = paths["ca.pem"]
        self.log = os.path.join(self.folder, "homeserver.log")
        self.key_id = "a_" + secrets.token_hex(4)
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self._write("signing.key", f"ed25519 {self.key_id} {seed}\n")
        logging = json.loads(json.dumps(LOGGING))
        logging["handlers"]["file"]["filename"] = self.log
        self._write("log.yaml", json.dumps(logging))
        self._write("homeserver.yaml", json.dumps(self._configuration(), indent=1))  # JSON is YAML

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with os.fdopen(os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def _configuration(self):
        lots = {"per_second": 10000, "burst_count": 10000}
        return {
            "server_name": self.server_name,
            "public_baseurl": self.url + "/",
            "listeners": [{
                "port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": True,
                "resources": [{"names": ["client"], "compress": False}]}],
            "tls_certificate_path": self._path("server.pem"),
            "tls_private_key_path": self._path("server.key"),
            "database": {"name": "sqlite3", "args": {"database": self._path("homeserver.db")}},
            "media_store_path": self._path("media"),
            "signing_key_path": self._path("signing.key"),
            "log_config": self._path("log.yaml"),
            "pid_file": self._path("homeserver.pid"),
            "report_stats": False,
            # Nothing outside this machine is asked for anything.
            "trusted_key_servers": [],
            "registration_shared_secret": self.secret,
            "macaroon_secret_key": secrets.token_urlsafe(24),
            "form_secret": secrets.token_urlsafe(24),
            "bcrypt_rounds": 4,
            "app_service_config_files": self.registrations,
            "rc_message": lots, "rc_registration": lots, "rc_joins_per_room": lots, "rc_room_creation": lots,
            "rc_login": {"address": lots, "account": lots, "failed_attempts": lots},
            "rc_joins": {"local": lots, "remote": lots},
            "rc_invites": {"per_room": lots, "per_user": lots, "per_issuer": lots},
            **self.extra,
        }

    def start(self, seconds=60):
        self.program = Program(
            "Synapse", [sys.executable, "-m", "synapse.app.homeserver", "-c", self._path("homeserver.yaml")],
            cwd=self.folder)
        client = matrix.Client(self.url, self.ca_file)
        deadline = time.monotonic() + seconds
        while True:
            if not self.program.running():
                raise Failed(f"Synapse ended:\n{self.program.tail()}\n{self._log_tail()}")
            try:
                client.call("GET", "/_matrix/client/versions")
                return self
            except (OSError, Failed):
                pass
            if time.monotonic() > deadline:
                raise Failed(f"Synapse is not ready after {seconds} s:\n{self._log_tail()}")
            time.sleep(0.05)

    def _log_tail(self):
        try:
            with open(self.log, errors="replace") as file:
                return "".join(file.readlines()[-25:])
        except OSError:
            return ""

    def stop(self):
        if self.program:
            self.program.stop()

    def user(self, name):
        """Registers a user, who is logged in."""
        admin = matrix.Client(self.url, self.ca_file)
        nonce = admin.call("GET", "/_synapse/admin/v1/register")["nonce"]
        mac = hmac.new(self.secret.encode(), digestmod=hashlib.sha1)
        mac.update("\0".join([nonce, name, "password", "notadmin"]).encode())
        answer = admin.call("POST", "/_synapse/admin/v1/register", {
            "nonce": nonce, "username": name, "password": "password", "admin": False, "mac": mac.hexdigest()})
        return matrix.Client(self.url, self.ca_file, answer["user_id"], answer["access_token"])
