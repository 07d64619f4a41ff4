"""GETs a second of the conformance server beside a C echo in the same run, CPU time of both, memory of an idle peer."""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Server:
    def __init__(self, command, ready):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        if ready:
            assert self.process.stdout.readline().strip() == "ready"
        else:
            time.sleep(0.3)
        self.rate, self.cpu = 0.0, 0.0
        self.costs = []

    def load(self, tool, port, seconds):
        before = cpu_seconds(self.process.pid)
        line = subprocess.run([tool, "get", str(port), str(seconds)], capture_output=True, text=True, check=True).stdout
        answers, errors, lost, took = line.split()
        assert int(errors) == 0, f"{errors} answers are no success"
        self.rate = max(self.rate, int(answers) / float(took))
        self.costs.append((cpu_seconds(self.process.pid) - before) / max(1, int(answers)) * 1e6)

    @property
    def cost(self):
        return sorted(self.costs)[len(self.costs) // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--server", default=ROOT / ".build/release/coap-conformance-server")
    parser.add_argument("--tools", default=ROOT / "Tests/Benchmarks/.build/release")
    arguments = parser.parse_args()
    tool = f"{arguments.tools}/coap-load"

    ports = free_port(), free_port()
    echo = Server([tool, "echo", ports[0]], False)
    server = Server([arguments.server, "--port", ports[1]], True)
    try:
        for _ in range(arguments.rounds):
            echo.load(tool, ports[0], arguments.seconds)
            server.load(tool, ports[1], arguments.seconds)
    finally:
        echo.process.kill()
        server.process.kill()
    memory = float(subprocess.run(
        [f"{arguments.tools}/coap-memory", "100000"], capture_output=True, text=True, check=True).stdout.split()[1])

    # name, value, unit, reference, bar (a value below or above it)
    rows = [
        ("coap.get.rate", server.rate, "1/s", echo.rate, None),
        ("coap.get.share_of_echo", server.rate / echo.rate, "1", 1.0, (">=", 0.40)),
        ("coap.get.cpu", server.cost, "us", echo.cost, None),
        ("coap.get.cpu_ratio", server.cost / echo.cost, "1", 1.0, ("<=", 2.5)),
        ("coap.idle_peer.memory", memory, "B", None, ("<=", 600)),
    ]
    for name, value, unit, reference, bar in rows:
        if arguments.json:
            print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "reference": reference}))
            continue
        met = "" if bar is None else f"   {bar[0]} {bar[1]}: " + (
            "yes" if (value >= bar[1]) == (bar[0] == ">=") or value == bar[1] else "NO")
        beside = "" if reference is None else f"   (echo: {reference:.2f})"
        print(f"{name:26}{value:14.2f} {unit:4}{beside}{met}")


if __name__ == "__main__":
    sys.exit(main())
