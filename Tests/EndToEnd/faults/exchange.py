"""A two-way exchange between devices and their rooms that goes on while everything is killed, and what has to hold of it.

Each device sends numbered messages into its room, and a person there gives it numbered commands. Whatever dies meanwhile:
- every message that was acknowledged is in the room, none is there twice, and they stand in the order they were sent in;
- every command reaches the device, in order, and would be executed once by whoever notes its sequence with its effect;
- no session's key ever encrypts two different things under one number, seen from the wire.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import subprocess
import threading
import time

from processes import Failed, Program, free_port
from sotto import SOTTO

from . import wire
from .power import Disk
from .pushes import Pushes
from .recorder import DOWN, UP, Recorder
from .shim import Kills, Shim
from .wire import Broken

# Commands that may wait for one device before the person waits too: fewer than the gateway keeps.
MOST_WAITING = 20


class Device:
    """One device: what it was told, what it heard, and the program that it is just now."""

    def __init__(self, name, room, file):
        self.name, self.room, self.file = name, room, pathlib.Path(file)
        self.number = 0
        self.accepted, self.unclear, self.refused = [], [], []
        self.heard, self.last_sequence, self.heard_again = [], None, 0
        # Event ids, from command 1 on.
        self.said = []
        self.kills = {"call": 0, "time": 0}
        self.disk = None


class Exchange:
    """A gateway, a recorded lossy link and some devices; `run` breaks them, `settle` and `check` say what became of it."""

    def __init__(self, world, cleanup, name, library, seed, devices=2, power=None, normal=False):
        """`power`: how likely something that was not synchronised survives a power cut, by turns; None: kills only."""
        self.chance = random.Random(seed)
        self.power, self.normal = power, normal
        self.library, self.owner = library, world.user("owner")
        self.world = world
        self.site = world.site(name, rate=20_000, latency=0.05, loss=10, processing=0.3)
        cleanup.callback(lambda: self.site.stop())
        behind = free_port()
        self.pushes = Pushes(self.site.appservice_port, behind)
        cleanup.callback(self.pushes.stop)
        self.site.change(appservice={"listen": f"127.0.0.1:{behind}"})
        self.site.start()
        self.front = self.back = None
        self.back = Recorder(self.site.address, DOWN)
        cleanup.callback(self.back.stop)
        self.site.link.start(self.back.address, seed=seed)
        cleanup.callback(self.site.link.stop)
        self.sessions = None
        self.front = Recorder(self.site.link.address, UP, lambda datagram: self.sessions.look())
        cleanup.callback(self.front.stop)
        self.devices = []
        for index in range(devices):
            device_name = f"{name}{index}"
            room = self.owner.create_room(device_name, invite=[f"@sotto_{device_name}:{world.homeserver.server_name}"])
            file = pathlib.Path(self.site.add_device(device_name, room, self.front.address))
            # In a folder of its own, which is its disk.
            folder = file.parent / f"{device_name}.d"
            folder.mkdir()
            for part in file.parent.glob(f"{device_name}.yaml*"):
                part.rename(folder / part.name)
            self.devices.append(Device(device_name, room, folder / file.name))
        self.sessions = wire.Sessions([str(device.file) + ".state" for device in self.devices])
        self.data = pathlib.Path(self.site.folder) / "data"
        self.disk = Disk(self.data, self.data.parent / "shadow") if power else None
        for device in self.devices:
            if power:
                device.disk = Disk(device.file.parent, str(device.file.parent) + ".shadow")
        self.kills = {"call": 0, "time": 0}
        self.killed_early = 0
        self.killed_at = collections.Counter()
        self.homeserver_kills = 0
        self.changed_files = 0
        self.lock = threading.Lock()
        self.ends = threading.Event()
        self.calm = threading.Event()
        self.problems = []
        self.began = time.monotonic()
        self.log = []

    def note(self, who, text):
        """For the case that something fails."""
        self.log += [f"{time.monotonic() - self.began:8.2f} {who}: {line}" for line in text.splitlines()]

    # MARK: Running

    def run(self, gateway_kills, device_kills, homeserver_kills=0, seconds=600, calm_seconds=60):
        """Until each has been killed that often, and then until everything has come to its end, which is waited for
        `calm_seconds`. Every device loop and the speaker are threads of their own."""
        self.wanted = (gateway_kills, device_kills)
        seeds = random.Random(self.chance.random())
        tasks = [lambda d=device, c=random.Random(seeds.random()): self._be(d, c) for device in self.devices]
        tasks.append(lambda c=random.Random(seeds.random()): self._break_gateway(gateway_kills, c))
        tasks.append(self._speak)
        if homeserver_kills:
            tasks.append(lambda c=random.Random(seeds.random()): self._break_homeserver(homeserver_kills, c))
        threads = [threading.Thread(target=self._guard, args=(task,), daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        while not self.problems:
            if (sum(self.kills.values()) >= gateway_kills and self._device_kills() >= device_kills
                    and self.homeserver_kills >= homeserver_kills):
                break
            if time.monotonic() > deadline:
                self.problems.append(Failed(f"not enough kills in {seconds} s: {self.summary()}"))
            time.sleep(0.05)
        self.calm.set()
        if not self.problems:
            with contextlib.suppress(Failed):
                self._settle(calm_seconds)
        self.ends.set()
        for thread in threads:
            thread.join(60)
        if self.problems:
            self.note("gateway", self.site.gateway.text("err"))
            print("\n".join(self.log))
            raise self.problems[0]

    def _guard(self, task):
        try:
            task()
        except Exception as error:  # told to `run`, which ends with it
            self.problems.append(error)

    def _device_kills(self):
        return sum(sum(device.kills.values()) for device in self.devices)

    def _settle(self, seconds):
        """Nothing dies any more: everything that is under way comes to its end."""
        deadline = time.monotonic() + seconds
        while not self.problems:
            missing = {d.name: self._missing(d) for d in self.devices}
            # What the homeserver has not pushed by now it never will.
            patient = bool(self.homeserver_kills) and time.monotonic() < deadline - seconds * 3 / 4
            if (not any(missing.values()) and not any(self._unpushed(d) for d in self.devices if patient)
                    and all(d.number >= 3 for d in self.devices) and not any(d["queued"] for d in self._listed())):
                return
            if time.monotonic() > deadline:
                queued = [(d["name"], d["queued"]) for d in self._listed() if d["queued"]]
                state = [(d.name, f"heard {len(d.heard)} of {len(d.said)}", missing[d.name]) for d in self.devices]
                self.problems.append(Broken(f"after {seconds} s of calm: {state}, queued {queued}"))
            time.sleep(0.2)

    def _unpushed(self, device):
        """Commands that the homeserver forgot when it was killed."""
        return [n for n, event in enumerate(device.said, 1) if event not in self.pushes.taken]

    def _missing(self, device):
        unpushed = self._unpushed(device) if self.homeserver_kills else []
        return sorted(set(range(1, len(device.said) + 1)) - set(device.heard) - set(unpushed))

    def _listed(self):
        with contextlib.suppress(Failed):
            return list(self.site.devices().values())
        return [{"name": "?", "queued": 1}]

    # MARK: The gateway

    def _break_gateway(self, kills, chance):
        shim = Shim(self.library, self.data)
        moments = Kills(chance, {"write": 40, "sync": 12, "send": 5}, 1800)
        self.site.kill()
        if self.disk:
            self.disk.settle()
        while sum(self.kills.values()) < kills and not self.calm.is_set():
            moment = moments.next()
            if self.normal:
                moment = {"kill_ms": chance.randint(600, 1800)}
            self._start_gateway(shim, moment)
            how = "call" if "kill" in moment else "time"
            # A call that does not come is not waited for.
            deadline = time.monotonic() + 2.5
            while self.site.gateway.running() and time.monotonic() < deadline:
                time.sleep(0.01)
            if self.site.gateway.running():
                if self.disk:
                    # The lock that keeps the shadow whole is the shim's: only it may cut the power.
                    self.site.gateway.stop()
                    self.disk.settle()
                    continue
                self.site.kill()
                how = "time"
            status = self.site.gateway.wait(5)
            if status != -9:
                raise Broken(f"the gateway ended by itself with {status}:\n{self.site.gateway.tail()}")
            self.killed_early += "ready" not in self.site.gateway.text("out")
            self._complaints()
            self.kills[how] += 1
            if how == "call":
                self.killed_at["gateway " + moment["kill"][0]] += 1
            self.note("gateway", self.site.gateway.text("err") + f"\nkilled by {moment}")
            if self.disk:
                self.changed_files += self.disk.cut(chance, self._survival(chance))
                self.disk.settle()
        self._start_gateway(shim, {})
        self.site.gateway.wait_line(lambda line: line == "ready", 30)

    def _start_gateway(self, shim, moment):
        environment = shim.environment(
            **moment, shadow=self.disk.shadow if self.disk else None, normal=self.normal)
        self.site.gateway = Program(
            "sotto gateway", [SOTTO, "gateway", "-c", self.site.config, "--log-level", "info"], env=environment)

    def _survival(self, chance):
        return chance.choice(self.power)

    def _complaints(self):
        told = self.site.gateway.text("err")
        for fault in ("restored or copied", "damaged", "store cannot be used", "Fatal error"):
            if fault in told:
                raise Broken(f"the gateway says so after a kill:\n{told}")

    # MARK: The homeserver

    def _break_homeserver(self, kills, chance):
        for _ in range(kills):
            time.sleep(chance.uniform(0.2, 2.5))
            self.note("homeserver", "killed")
            self.world.homeserver.program.kill()
            self.world.homeserver.start()
            self.homeserver_kills += 1
            if self.problems:
                return

    # MARK: The person

    def _speak(self):
        while not self.calm.is_set() and not self.problems:
            for device in self.devices:
                if len(device.said) - len(device.heard) >= MOST_WAITING:
                    continue
                number = len(device.said) + 1
                path = f"/_matrix/client/v3/rooms/{device.room}/send/m.room.message/{device.name}.{number}"
                content = {"msgtype": "m.text", "body": f"!{device.name} do n={number}"}
                # The homeserver may be dead: the same transaction, until it is taken.
                deadline = time.monotonic() + 60
                while True:
                    try:
                        event = self.owner.call("PUT", path, content)["event_id"]
                        break
                    except (OSError, Failed):
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.1)
                device.said.append(event)
                self.note(device.name, f"is told {number}")
            time.sleep(0.15)

    # MARK: A device

    def _be(self, device, chance):
        shim = Shim(self.library, device.file.parent)
        sending = Kills(chance, {"write": 10, "sync": 8, "send": 3}, 900)
        watching = Kills(chance, {"write": 16, "sync": 14, "send": 5}, 1500)
        while not self.ends.is_set() and not self.problems:
            dies = (not self.calm.is_set() and self._device_kills() < self.wanted[1] + len(self.devices))
            for kind, moments in (("send", sending), ("watch", watching)):
                moment = moments.next() if dies and chance.random() < 0.7 else {}
                if device.disk:
                    device.disk.settle()
                environment = shim.environment(**moment, shadow=device.disk.shadow if device.disk else None)
                status = self._send(device, environment) if kind == "send" else self._watch(device, environment)
                if status == -9:
                    device.kills["call" if "kill" in moment else "time"] += 1
                    if "kill" in moment:
                        self.killed_at["device " + moment["kill"][0]] += 1
                    if device.disk:
                        self.changed_files += device.disk.cut(chance, self._survival(chance))
                elif status not in (0, 69, 77):
                    raise Broken(f"{device.name} {kind} ended with status {status}")

    def _program(self, device, environment, *arguments):
        environment = {**{k: v for k, v in os.environ.items()}, **environment}
        return subprocess.Popen(
            [str(SOTTO), "device", *arguments, "-d", str(device.file)], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _finish(self, device, program, seconds):
        try:
            out, told = program.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            program.kill()
            out, told = program.communicate()
            raise Broken(f"{device.name} did not end:\n{out}{told}") from None
        lines = [line for line in out.splitlines() if "sender" in line or "accepted" in line]
        self.note(device.name, "\n".join([*lines, told, f"ended with {program.returncode}"]))
        if "restored or copied" in told or "damaged" in told or "Fatal" in told:
            raise Broken(f"{device.name} says so after a kill:\n{told}")
        return out, told

    def _send(self, device, environment):
        device.number += 1
        text = f"message {device.number}"
        left = wire.pending(str(device.file) + ".state")
        program = self._program(device, environment, "send", text)
        out, told = self._finish(device, program, 90)
        # What an earlier run had left was answered first.
        if re.search(r"^answered: 2\.04", told, re.M):
            resumed = re.search(rb"message \d+", left)[0].decode()
            device.unclear.remove(resumed)
            device.accepted.append(resumed)
        if "accepted (2.04)" in out:
            device.accepted.append(text)
        elif program.returncode == 76:
            device.refused.append(text)
            raise Broken(f"{device.name}: {told}")
        else:
            device.unclear.append(text)
        return program.returncode

    def _watch(self, device, environment):
        program = self._program(device, environment, "watch", "--json", "--timeout", "2.5", "--count", "4")
        out, _ = self._finish(device, program, 30)
        again = set()
        for line in out.splitlines():
            try:
                arrived = json.loads(line)
            except ValueError:
                continue  # it died in the middle of a line, and says it again
            if "command" not in arrived:
                continue
            # What came together may come again from its first.
            name, place = arrived["sequence"].split(".")
            if device.last_sequence and name == device.last_sequence[0] and int(place) <= device.last_sequence[1]:
                again.add(name)
                continue
            device.last_sequence = name, int(place)
            device.heard.append(int(arrived["arguments"]["n"]))
        device.heard_again += len(again)
        return program.returncode

    # MARK: What has to hold

    def check(self):
        """Raises what does not hold."""
        for device in self.devices:
            bodies = [e["content"]["body"] for e in self.owner.events(device.room) if "dev.sotto.id" in e["content"]]
            numbers = [int(body.split()[1]) for body in bodies]
            if len(set(numbers)) != len(numbers):
                raise Broken(f"{device.name}: twice in the room: {sorted(n for n in numbers if numbers.count(n) > 1)}")
            missing = [text for text in device.accepted if text not in bodies]
            if missing:
                raise Broken(f"{device.name}: acknowledged and not in the room: {missing}")
            if numbers != sorted(numbers):
                raise Broken(f"{device.name}: out of order in the room: {numbers}")
            if not set(bodies) <= set(device.accepted) | set(device.unclear):
                raise Broken(f"{device.name}: in the room and never sent")
            unpushed = self._unpushed(device)
            if unpushed and not self.homeserver_kills:
                raise Broken(f"{device.name}: {unpushed} were never taken from the homeserver")
            if sorted(device.heard) != [n for n in range(1, len(device.said) + 1) if n not in unpushed]:
                raise Broken(f"{device.name}: heard {device.heard} of {len(device.said)}; never pushed: {unpushed}")
            # In order, but where the homeserver itself pushed them in another.
            for before, after in zip(device.heard, device.heard[1:]):
                if before < after:
                    continue
                first, second = device.said[before - 1], device.said[after - 1]
                if not self.pushes.may_come_first(first, second):
                    passed = [(before if e == first else after, ok) for e, ok in self.pushes.history if e in (first, second)]
                    raise Broken(f"{device.name}: heard out of order: {device.heard}; pushed: {passed}")
            if device.heard_again > sum(device.kills.values()):
                raise Broken(f"{device.name}: heard {device.heard_again} again, more often than it died")
        self.front.stop()
        self.back.stop()
        datagrams = [(UP, d) for d in self.front.datagrams] + [(DOWN, d) for d in self.back.datagrams]
        self.wire = wire.check(datagrams, self.sessions.sessions)

    def summary(self):
        sent = [(len(d.accepted), len(d.unclear), len(d.heard), d.heard_again) for d in self.devices]
        deaths = {k: sum(d.kills[k] for d in self.devices) for k in ("call", "time")}
        unpushed = [len(self._unpushed(d)) for d in self.devices]
        twice = sum(1 for count in self.pushes.pushed.values() if count > 1)
        return (f"gateway killed {sum(self.kills.values())} times ({self.kills['call']} at a call, {self.killed_early} "
                f"before it was ready), devices {sum(deaths.values())} times "
                f"({deaths['call']} at a call; {dict(self.killed_at)}), homeserver {self.homeserver_kills} times; accepted, unclear, heard, heard "
                f"again by device: {sent}; events never pushed {unpushed}, taken twice {twice}; files changed by power cuts: {self.changed_files}")
