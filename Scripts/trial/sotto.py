"""Sotto as its users set it up: a configuration, a gateway, a link, devices; all in one folder."""

import json
import os
import pathlib
import signal
import socket
import subprocess

import yaml

from processes import Failed, Program, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOTTO = pathlib.Path(os.environ.get("SOTTO", ROOT / ".build/debug/sotto"))


def run(*arguments, expect=0, stdin=None, env=None, cwd=None, seconds=60):
    """Runs sotto; its standard output. Another exit status than `expect` is a failure (None: any)."""
    done = subprocess.run(
        [str(SOTTO), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=seconds, cwd=cwd,
        env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL if stdin is None else None)
    if expect is not None and done.returncode != expect:
        raise Failed(f"sotto {' '.join(map(str, arguments))}: status {done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
    return done.stdout


class Link:
    """Parameters of a link, and the relay that behaves as one."""

    def __init__(self, folder, rate=100, latency=2.0, loss=0.0, processing=1.0):
        self.rate, self.latency, self.loss = rate, latency, loss
        self.file = os.path.join(folder, "link.yaml")
        with open(self.file, "w") as file:
            yaml.safe_dump({
                "rate_bps": rate, "latency_s": latency, "loss_percent": loss, "processing_s": processing}, file)
        self.program = None
        self.address = None

    def start(self, to, seed):
        self.program = Program("sotto link", [
            SOTTO, "link", "--profile", self.file, "--listen", "127.0.0.1:0", "--to", to, "--seed", seed, "--json"])
        self.address = self.program.wait_line("ready ", 20).split()[1]
        return self

    def stop(self):
        if self.program:
            self.program.stop()


class Site:
    """A gateway's folder with its configuration."""

    def __init__(self, folder, homeserver_port, link, ca_file=None, server_name="hs.test"):
        self.folder = str(folder)
        self.link = link
        self.config = os.path.join(self.folder, "sotto.yaml")
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.appservice_port = free_port()
        run("config", "init", self.config, "--homeserver", f"https://127.0.0.1:{homeserver_port}",
            "--server-name", server_name)
        self.change(
            listen=[f"127.0.0.1:{self.udp_port}"], link=os.path.abspath(link.file),
            homeserver={"ca_file": str(ca_file)} if ca_file else {},
            appservice={
                "listen": f"127.0.0.1:{self.appservice_port}", "url": f"http://127.0.0.1:{self.appservice_port}"})
        self.registration = os.path.join(self.folder, "registration.yaml")
        with open(self.registration, "w") as file:
            file.write(run("registration", "-c", self.config))
        self.gateway = None

    def adopt(self, other):
        """Becomes the application service that `other` is: its tokens and the address by which the homeserver reaches it."""
        with open(other.config) as file:
            appservice = yaml.safe_load(file)["appservice"]
        self.change(appservice=appservice)
        self.appservice_port = other.appservice_port

    @property
    def address(self):
        return f"127.0.0.1:{self.udp_port}"

    def change(self, **values):
        """Changes keys of the configuration; mappings are merged, None removes."""
        with open(self.config) as file:
            configuration = yaml.safe_load(file)
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(configuration.get(key), dict):
                configuration[key].update(value)
            elif value is None:
                configuration.pop(key, None)
            else:
                configuration[key] = value
        with open(self.config, "w") as file:
            yaml.safe_dump(configuration, file)

    def start(self, env=None, level="info"):
        self.gateway = Program("sotto gateway", [SOTTO, "gateway", "-c", self.config, "--log-level", level], env=env)
        self.gateway.wait_line(lambda line: line == "ready", 30)
        return self

    def stop(self):
        return self.gateway.stop() if self.gateway else None

    def kill(self):
        os.kill(self.gateway.pid, signal.SIGKILL)
        self.gateway.process.wait(10)

    def status(self):
        return json.loads(run("status", "-c", self.config, "--json"))

    def devices(self):
        return {device["name"]: device for device in json.loads(run("device", "list", "-c", self.config, "--json"))}

    def add_device(self, name, room, address=None, expect=0, firmware=None):
        """Makes a device's file, adds the device to the gateway, and tells the device; the device's file."""
        file = os.path.join(self.folder, name + ".yaml")
        key = run("device", "init", file).strip()
        firmware = ["--firmware", firmware] if firmware else []
        added = json.loads(
            run("device", "add", name, "--key", key, "--room", room, *firmware, "-c", self.config, "--json",
                expect=expect))
        gateway_key = subprocess.run(
            [str(SOTTO), "key", "public"], stdin=open(os.path.join(self.folder, "gateway.key")), capture_output=True,
            text=True, check=True).stdout.strip()
        run("device", "configure", file, "--gateway", address or self.address, "--gateway-key", gateway_key,
            "--number", added["number"], "--link", os.path.abspath(self.link.file), *firmware)
        return file
