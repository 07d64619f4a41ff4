"""Programs that run for the length of a trial, each stopped by its own process id."""

import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import threading
import time


class Failed(Exception):
    """Something did not happen as it should; the text is for a person."""


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """Below those that the system gives to whoever asks for any: it stays free while its program is restarted."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(1000):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            port = random.randint(20_000, 32_000)
            probe.bind((host, port))
            return port
    raise Failed("no free port")


class Program:
    """A program whose output is read line by line, and kept for the case that something fails."""

    def __init__(self, name, command, cwd=None, env=None):
        self.name = name
        self.lines = queue.Queue()
        self.output = []
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        environment.update(env or {})
        self.process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        self.readers = [
            threading.Thread(target=self._read, args=(stream, label), daemon=True)
            for stream, label in ((self.process.stdout, "out"), (self.process.stderr, "err"))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, label):
        for line in stream:
            line = line.rstrip("\n")
            self.output.append((label, line))
            self.lines.put((label, line))
        self.lines.put((label, None))

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def wait_line(self, wanted, seconds, label="out"):
        """The first line for which `wanted` holds (a text that it contains, or a function)."""
        test = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + seconds
        while True:
            remaining = deadline - time.monotonic()
            try:
                found, line = self.lines.get(timeout=max(0.01, min(remaining, 0.2)))
                if line is not None and found == label and test(line):
                    return line
            except queue.Empty:
                if not self.running() and self.lines.empty():
                    raise Failed(f"{self.name} ended with status {self.process.returncode}:\n{self.tail()}") from None
            if remaining <= 0:
                raise Failed(f"{self.name} did not say {wanted!r} in {seconds} s:\n{self.tail()}")

    def wait(self, seconds):
        """Its exit status, once all of its output has been read."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end in {seconds} s:\n{self.tail()}") from None
        for reader in self.readers:
            reader.join(5)
        return status

    def text(self, label):
        return "\n".join(line for found, line in self.output if found == label)

    def tail(self, lines=25):
        return "\n".join(f"  {self.name}: {line}" for _, line in self.output[-lines:])

    def kill(self):
        """kill -9: what it had not written is lost."""
        if self.running():
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self, seconds=15):
        """Asks it to end, and ends it when it does not."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode


@contextlib.contextmanager
def interruptible():
    """SIGTERM ends the script as Ctrl-C does: through its clean-up."""
    def interrupt(*_):
        raise KeyboardInterrupt
    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
