"""A reading crosses a 100 bit/s link into a real Matrix room, and an answer comes back."""

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time

DEFAULT_SEED = 10


def options():
    parser = argparse.ArgumentParser(
        prog="Scripts/demo", formatter_class=argparse.RawDescriptionHelpFormatter, description="""\
Plays the whole path on this machine, live: a real Synapse with TLS, sotto gateway as its application service, a slow and
lossy link, and a device behind it. The device sends "hello" and a reading into a Matrix room; a user answers with a message
and a command; a table says what each of them cost in bytes and seconds, beside what an ordinary Matrix client needs.

Uses the loopback interface only, and removes everything when it ends. Exit status 0: all of it was seen; 1: something was
not, and it says what; 130: interrupted.""")
    parser.add_argument("--rate", type=int, default=100, metavar="BIT/S", help="of the link, each way, UDP payload (100)")
    parser.add_argument("--latency", type=float, default=2.0, metavar="S", help="one way (2)")
    parser.add_argument("--loss", type=float, default=5.0, metavar="PERCENT", help="datagrams lost, each way (5)")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help=f"decides which datagrams are lost ({DEFAULT_SEED}: one is)")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C, and say how to play on")
    chosen = parser.parse_args()
    if not 10 <= chosen.rate <= 10_000_000_000:
        parser.error("--rate: 10 to 10000000000 bit/s are allowed")
    if not 0 <= chosen.latency <= 60:
        parser.error("--latency: 0 to 60 seconds are allowed")
    if not 0 <= chosen.loss <= 60:
        parser.error("--loss: 0 to 60 percent are allowed")
    if not 0 <= chosen.seed < 2**64:
        parser.error("--seed: 0 to 2^64-1 are allowed")
    return chosen


OPTIONS = options()  # before the imports, so that --help needs nothing installed

import https_costs  # noqa: E402
from homeserver import Homeserver  # noqa: E402
from processes import Failed, Program, interruptible  # noqa: E402
from sotto import SOTTO, Link, Site  # noqa: E402

TTY = sys.stdout.isatty()
BOLD, DIM, GREEN, RED, RESET = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if TTY else ("",) * 5

GREETING = "hello"
VALUES = ["temperature=21.5Cel", "humidity=40%RH", "battery=3.71V"]
QUESTION = "How is the tomato bed?"
COMMAND = "!greenhouse valve open=40"


def heading(text):
    print(f"\n{BOLD}{text}{RESET}", flush=True)


def note(text):
    if TTY:
        print("\r\033[K", end="")
    print(text, flush=True)


class Countdown:
    """Says how long a wait is expected to take, second by second; without a terminal once."""

    def __init__(self, what, expected):
        self.what, self.expected, self.began, self.shown = what, expected, time.monotonic(), None
        if not TTY:
            print(f"  {what}: about {expected:.0f} s", flush=True)

    def tick(self):
        left = round(self.expected - (time.monotonic() - self.began))
        if not TTY or left == self.shown:
            return
        self.shown = left
        text = f"about {left} s" if left > 0 else f"{-left} s more than expected"
        print(f"\r\033[K{DIM}  {self.what}: {text}{RESET}", end="", flush=True)

    def done(self):
        if TTY:
            print("\r\033[K", end="", flush=True)


class Stage:
    """The parts of a run, and what travelled between them."""

    def __init__(self, folder, link):
        self.folder, self.link, self.losses = folder, link, 0

    def seconds(self, up, down):
        """What an exchange of datagrams of so many bytes takes without loss."""
        return (up + down) * 8 / self.link.rate + 2 * self.link.latency

    def follow(self, program, done, what, expected, limit):
        """Waits until `done` finds its line in the program's output, showing what the link and the program say."""
        countdown = Countdown(what, expected)
        deadline = time.monotonic() + limit
        while True:
            countdown.tick()
            self.show_link()
            while not program.lines.empty():
                label, line = program.lines.get()
                if line is None:
                    continue
                if label == "err":
                    note(f"  {DIM}device: {line}{RESET}")
                elif (found := done(line)) is not None:
                    self.show_link()
                    countdown.done()
                    return found
            if not program.running() and program.lines.empty():
                program.wait(5)
                if program.lines.empty():
                    countdown.done()
                    raise Failed(f"{program.name} ended with status {program.process.returncode}:\n{program.tail()}")
            if time.monotonic() > deadline:
                countdown.done()
                raise Failed(f"{what}: not seen in {limit:.0f} s\n{program.tail()}")
            time.sleep(0.05)

    def show_link(self):
        while not self.link.program.lines.empty():
            label, line = self.link.program.lines.get()
            if label != "out" or not line:
                continue
            event = json.loads(line)
            arrow = "device -> gateway" if event["direction"] == "up" else "gateway -> device"
            if event["fate"] == "delivered":
                note(f"  {DIM}link:   {arrow}  {event['bytes']:3} bytes, {event['leavesAfter']:.1f} s to send, "
                     f"arrived after {event['arrivesAfter']:.1f} s{RESET}")
            else:
                self.losses += 1
                note(f"  {RED}link:   {arrow}  {event['bytes']:3} bytes {event['fate'].upper()}{RESET}")

    def exchange(self, what, expected, *arguments):
        """One sending command of the device; its report."""
        program = Program("sotto device", [SOTTO, "device", *arguments, "--json"])
        try:
            # Five transmissions and their waits fit; what takes longer has failed.
            report = self.follow(program, json.loads, what, expected, 12 * expected + 60)
            if program.wait(10) != 0:
                raise Failed(f"the device was not answered:\n{program.tail()}")
            return report
        finally:
            program.stop()


def as_in_a_client(room_name, lines):
    """A room's messages as a person sees them."""
    print(f"  ┌─ {BOLD}{room_name}{RESET}")
    for name, milliseconds, body in lines:
        clock = time.strftime("%H:%M", time.localtime(milliseconds / 1000))
        print(f"  │ {GREEN}{name}{RESET} {DIM}{clock}{RESET}  {body}")
    print("  └─", flush=True)


def play(chosen, cleanup):
    folder = tempfile.mkdtemp(prefix="sotto-demo-")
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    began = time.monotonic()

    heading("1  A homeserver, a gateway, a slow link")
    link = Link(folder, chosen.rate, chosen.latency, chosen.loss)
    homeserver = Homeserver(os.path.join(folder, "synapse"))
    site = Site(folder, homeserver.port, link, homeserver.ca_file)
    # Written now, since each has to know the other's address.
    homeserver.registrations = [site.registration]
    homeserver._write("homeserver.yaml", json.dumps(homeserver._configuration()))
    cleanup.callback(homeserver.stop)
    homeserver.start()
    note(f"  Synapse at {homeserver.url}, TLS by a CA made for this run")
    cleanup.callback(site.stop)
    site.start()
    note(f"  sotto gateway at UDP {site.address}, application service of the homeserver")
    cleanup.callback(link.stop)
    link.start(site.address, chosen.seed)
    note(f"  a link at UDP {link.address}: {chosen.rate} bit/s each way (UDP payload), {chosen.latency:g} s one-way latency, "
         f"{chosen.loss:g} % loss, seed {chosen.seed}")

    owner, bob = homeserver.user("alice"), homeserver.user("bob")
    room_name = "Greenhouse"
    room = owner.create_room(room_name, invite=[bob.user_id, f"@sotto_greenhouse:{homeserver.server_name}"])
    bob.join(room)
    owner.set_power(room, bob.user_id, 50)
    device = site.add_device("greenhouse", room, link.address, firmware="reference-sensor")
    state = site.devices()["greenhouse"]
    if state["state"] != "joined":
        raise Failed(f"the device did not get into its room: {state}")
    note(f"  the device greenhouse is {state['userID']} in the room; {bob.user_id} is there too, with power level 50")

    stage = Stage(folder, link)
    reports = []

    heading("2  The device speaks")
    note(f"  {BOLD}sotto device send {GREETING}{RESET}   (its first message: the handshake travels with it)")
    reports.append(("handshake and \"hello\"", stage.exchange("on its way", stage.seconds(59, 51), "send", GREETING, "-d", device)))
    note(f"  {BOLD}sotto device send {GREETING}{RESET}   (now with a session)")
    reports.append(("\"hello\"", stage.exchange("on its way", stage.seconds(25, 18), "send", GREETING, "-d", device)))
    note(f"  {BOLD}sotto device reading {' '.join(VALUES)}{RESET}   (packed as its firmware's profile says)")
    reports.append(("three values", stage.exchange("on its way", stage.seconds(23, 18), "reading", *VALUES, "-d", device)))

    user_id = state["userID"]
    hello = bob.wait_event(room, lambda e: e["sender"] == user_id and e["content"].get("body") == GREETING, 20)
    reading = bob.wait_event(room, lambda e: e["sender"] == user_id and "dev.sotto.reading" in e["content"], 20)
    numbers = {(f["n"], f["u"], f["m"], f["e"]) for f in reading["content"]["dev.sotto.reading"]["f"]}
    if numbers != {("temperature", "Cel", 215, -1), ("humidity", "%RH", 40, 0), ("battery", "V", 371, -2)}:
        raise Failed(f"the reading in the room is another one: {reading}")
    name = bob.display_name(user_id)
    note(f"  read back from the homeserver by {bob.user_id}:")
    seen = [e for e in bob.events(room) if e["sender"] == user_id and e["type"] == "m.room.message"]
    if [e["event_id"] for e in seen].count(hello["event_id"]) != 1 or len(seen) != 3:
        raise Failed(f"not each message once: {seen}")
    as_in_a_client(room_name, [(name, e["origin_server_ts"], e["content"]["body"]) for e in seen])

    heading("3  An answer comes back")
    note(f"  {BOLD}sotto device watch{RESET}")
    watch = Program("sotto device watch", [
        SOTTO, "device", "watch", "-d", device, "--json", "--count", "2", "--timeout", "900"])
    cleanup.callback(watch.stop)
    asking = stage.follow(watch, json.loads, "asking the gateway to push", stage.seconds(19, 24), 400)
    reports.append(("asking for what arrives", asking))
    note(f"  the device watches; {bob.user_id} writes in the room: {BOLD}{QUESTION}{RESET}  and  {BOLD}{COMMAND}{RESET}")
    posted = time.monotonic()
    bob.say(room, QUESTION)
    bob.say(room, COMMAND)
    message = stage.follow(watch, json.loads, "a message arrives", stage.seconds(60, 19), 400)
    message["cost"]["seconds"] = time.monotonic() - posted
    note(f"  {GREEN}device{RESET}  {message['sender']} says: {message.get('message')}")
    command = stage.follow(watch, json.loads, "a command arrives", stage.seconds(60, 19), 400)
    command["cost"]["seconds"] = time.monotonic() - posted - message["cost"]["seconds"]
    arguments = " ".join(f"{key}={value}" for key, value in command.get("arguments", {}).items())
    note(f"  {GREEN}device{RESET}  {command['sender']} commands: {command.get('command')} {arguments}")
    if message.get("message") != QUESTION or message["sender"] != bob.user_id:
        raise Failed(f"the device received another message: {message}")
    if command.get("command") != "valve" or command.get("arguments") != {"open": "40"} or command["sender"] != bob.user_id:
        raise Failed(f"the device received another command: {command}")
    if watch.wait(10) != 0:
        raise Failed(f"the device's watch ended badly:\n{watch.tail()}")
    reports.append(("a message arrives", message["cost"]))
    reports.append(("a command arrives", command["cost"]))
    played = time.monotonic() - began

    heading("4  What travelled")
    say = (lambda text: bob.say(room, text)), [("a message arrives", QUESTION), ("a command arrives", COMMAND)]
    contents = {"\"hello\"": hello["content"], "three values": reading["content"]}
    costs = https_costs.measure(homeserver, owner, room, contents, say)
    table(reports, costs, chosen.rate)
    repeated = sum(report["retransmissions"] for _, report in reports)
    note(f"\n  The link lost {stage.losses} datagram{'s' if stage.losses != 1 else ''}; the device sent {repeated} again. "
         f"Everything arrived once. Played in {played:.0f} s.")
    if chosen.seed == DEFAULT_SEED and chosen.loss == 5 and (stage.losses == 0 or repeated == 0):
        raise Failed("this seed should have lost a datagram and shown a retransmission")
    if chosen.keep:
        play_on(site, link, device, homeserver, room, bob)


def table(reports, costs, rate):
    print("  Bytes of UDP payload; \"shake\" is the handshake's keys and counters. Seconds run until the answer is there; for what")
    print("  arrives, from the user's writing (or the message before) until the device has it.")
    print("  Beside it matrix-nio over HTTPS: bytes of TCP payload both ways through a counting relay, on a new and on a kept")
    print(f"  connection, and the seconds they would take at {rate} bit/s: computed, without loss, latency and TCP's own headers.\n")
    columns = "frame shake   tag  CoAP  body".split()
    print(f"  {DIM}{'':24}{'':5} " + "".join(f"{c:>6}" for c in columns)
          + f"{'total':>7}{'dgrams':>8}{'again':>7}{'s':>7}   {'HTTPS new (s)':>16}{'HTTPS kept (s)':>16}{RESET}")
    for name, report in reports:
        for direction in ("up", "down"):
            layers = report[direction]
            row = f"  {name if direction == 'up' else '':24}{direction:5} "
            row += "".join(f"{layers[k]:6}" for k in ("frame", "handshake", "tag", "coap", "body"))
            row += f"{layers['total']:7}{layers['datagrams']:8}"
            if direction == "up":
                row += f"{report['retransmissions']:7}{report['seconds']:7.1f}   "
                for kind in ("new", "kept"):
                    cost = costs.get(name, {}).get(kind)
                    row += f"{f'{sum(cost)} ({sum(cost) * 8 / rate:.0f})' if cost else '':>16}"
            print(row.rstrip(), flush=True)


def play_on(site, link, device, homeserver, room, bob):
    heading("Play on by hand")
    print(f"""\
  In another terminal, from this folder:

    alias sotto={SOTTO}
    sotto device send "what a day" -d {device}
    sotto device reading temperature=22.0Cel -d {device}
    sotto device watch -d {device}
    sotto device list -c {site.config}
    sotto status -c {site.config}

  {bob.user_id} writes in the room:

    curl --cacert {homeserver.ca_file} -H 'Authorization: Bearer {bob.token}' \\
      -X PUT -d '{{"msgtype": "m.text", "body": "!greenhouse fan on"}}' \\
      "{homeserver.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/$RANDOM"

  What the link carries is shown here. Ctrl-C ends it all.
""", flush=True)
    stage = Stage(site.folder, link)
    while True:
        stage.show_link()
        time.sleep(0.1)


def main():
    try:
        with interruptible(), contextlib.ExitStack() as cleanup:
            play(OPTIONS, cleanup)
        print(f"\n{GREEN}All of it was seen.{RESET}")
        return 0
    except KeyboardInterrupt:
        print("\ninterrupted; everything has been stopped and removed")
        return 0 if OPTIONS.keep else 130
    except Failed as failure:
        print(f"\n{RED}Not seen:{RESET} {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
