"""The simulator and the link on the command line, as a person uses them."""

import collections
import csv
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

import pcapng
from processes import Program
from sotto import ROOT, SOTTO, run
from test_refusals import sotto

SCENARIOS = ROOT / "Simulator/Scenarios"


@pytest.fixture(scope="module")
def greenhouse(tmp_path_factory):
    """The results of a run: its folder, what it printed, its log."""
    out = tmp_path_factory.mktemp("greenhouse")
    printed = run("sim", "run", SCENARIOS / "greenhouse.yaml", "--out", out, "--pcap", "--json")
    with open(out / "events.jsonl") as file:
        log = [json.loads(line) for line in file]
    return out, json.loads(printed), log


def test_a_run_leaves_its_log_its_sums_and_a_report(greenhouse):
    out, printed, log = greenhouse
    assert {path.name for path in out.iterdir()} == {
        "events.jsonl", "summary.csv", "latencies.csv", "report.html", "datagrams.pcapng"}
    kinds = collections.Counter(event["e"] for event in log)
    assert kinds["message"] == printed["messages"] and kinds["room"] == printed["inRoom"]
    assert kinds["homeserver_down"] == kinds["homeserver_up"] == 1
    with open(out / "summary.csv") as file:
        [row] = csv.DictReader(file)
    assert int(row["messages"]) == printed["messages"] and int(row["in_room"]) == printed["inRoom"]
    with open(out / "latencies.csv") as file:
        latencies = list(csv.DictReader(file))
    assert sum(1 for line in latencies if line["kind"] == "in_room") == printed["inRoom"]
    assert [event["t"] for event in log] == sorted(event["t"] for event in log)


def test_every_datagram_has_one_fate(greenhouse):
    _, printed, log = greenhouse
    fates = collections.defaultdict(list)
    for event in log:
        if event["e"] in ("arrive", "lost", "drop") and not event.get("copy"):
            fates[event["f"]].append(event["e"])
    offered = [event["f"] for event in log if event["e"] == "datagram"]
    assert len(offered) == len(set(offered)) == printed["datagramsUp"] + printed["datagramsDown"]
    assert set(fates) <= set(offered) and all(len(found) == 1 for found in fates.values())
    # What has none yet was on its way when the time was over.
    end = max(event["t"] for event in log)
    handed = {event["f"]: event["t"] for event in log if event["e"] == "datagram"}
    assert all(end - handed[frame] < 60e9 for frame in offered if frame not in fates)


def test_the_capture_has_every_datagram_with_its_fate(greenhouse):
    out, printed, log = greenhouse
    interfaces, packets = pcapng.read((out / "datagrams.pcapng").read_bytes())
    assert interfaces == ["link up", "link down"]
    assert len(packets) == printed["datagramsUp"] + printed["datagramsDown"]
    sent = {event["f"]: event for event in log if event["e"] == "datagram"}
    lost = {event["f"]: event["why"] for event in log if event["e"] == "lost"}
    for packet in packets:
        frame, fate = re.fullmatch(r"frame (\d+): (.*)", packet["comment"]).groups()
        event = sent.pop(int(frame))
        _, payload = pcapng.payload(packet["bytes"])
        assert len(payload) == event["bytes"]
        assert packet["interface"] == (event["way"] == "down") and packet["direction"] == (1 if event["way"] == "up" else 2)
        assert (fate == f"lost: {lost.get(int(frame))}") == (int(frame) in lost)
    assert not sent and lost


def test_any_message_can_be_explained(greenhouse):
    out, _, log = greenhouse
    messages = sorted({event["m"] for event in log if event["e"] in ("message", "said")})
    for message in messages[:: max(1, len(messages) // 12)]:
        text = run("sim", "explain", out, "--message", message)
        assert text.startswith(f"message {message} of ") and "It took " in text
    # Those that took longest fell into the homeserver's absence, or waited for the device.
    assert "most of it waiting for" in run("sim", "explain", out)
    assert sotto("sim", "explain", out, "--message", 999999).returncode == 65


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        run("sim", "run", SCENARIOS / "buoy.yaml", "--seed", seed, "--out", tmp_path / name, "--pcap", "--no-sweep")
    for file in ("events.jsonl", "datagrams.pcapng", "summary.csv", "latencies.csv", "report.html"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b != c, file


def test_an_interrupted_run_says_how_far_it_is_and_leaves_what_it_has(tmp_path):
    scenario = tmp_path / "long.yaml"
    scenario.write_text(
        "duration_s: 100000000\nlink: reference-100bps\ndevices:\n  - name: d\n    traffic: [{pattern: saturated, text_bytes: 24}]\n")
    program = Program("sotto sim", [SOTTO, "sim", "run", scenario, "--out", tmp_path / "out", "--json"])
    line = program.wait_line(" to go", 60, "err")
    assert re.fullmatch(r"(sotto: )?\d+ %, \d+ events, about \d+ s to go", line), line
    program.process.send_signal(signal.SIGINT)
    assert program.wait(60) == 0
    printed = json.loads(program.text("out"))
    assert printed["interrupted"] and 0 < printed["simulatedSeconds"] < 100000000 and printed["accepted"] > 0
    with open(tmp_path / "out/events.jsonl") as file:
        log = [json.loads(row) for row in file]
    assert sum(1 for event in log if event["e"] == "accepted") == printed["accepted"]
    assert "<section>" in (tmp_path / "out/report.html").read_text()


def test_one_scenario_over_many_links():
    compared = sotto(
        "sim", "compare", SCENARIOS / "one-sensor.yaml", "--link", "reference-100bps", "--link", "lorawan-eu868-dr5",
        "--link", "lorawan-eu868-dr0", "--link", "nbiot-ce2")
    assert compared.returncode == 0, compared.stderr
    rows = {row["link"]: row for row in csv.DictReader(compared.stdout.splitlines())}
    assert list(rows) == ["reference-100bps", "lorawan-eu868-dr5", "nbiot-ce2"]
    # Its 51 bytes do not carry a reading with names and units.
    assert "lorawan-eu868-dr0: left out: " in compared.stderr and "does not fit" in compared.stderr
    assert float(rows["reference-100bps"]["journalled_percent"]) > 99
    assert float(rows["lorawan-eu868-dr5"]["p50_s"]) < float(rows["reference-100bps"]["p50_s"])
    refused = sotto("sim", "compare", SCENARIOS / "one-sensor.yaml", "--link", "ax25-1200")
    assert refused.returncode == 65 and "amateur radio" in refused.stderr
    assert "amateur radio" not in sotto(
        "sim", "compare", SCENARIOS / "one-sensor.yaml", "--link", "ax25-1200", "--encryption-permitted").stderr


def test_traffic_from_a_file_and_devices_by_their_profile(tmp_path):
    (tmp_path / "times.csv").write_text("seconds\n10\n20.5\n\n300\n")
    scenario = tmp_path / "s.yaml"
    text = (
        "duration_s: 7000\nlinks:\n  - {name: radio, link: reference-100bps}\ndevices:\n"
        "  - name: logger\n    link: radio\n    traffic: [{pattern: file, file: times.csv, text_bytes: 10}]\n"
        "  - name: soil\n    profile: lorawan-eu868-soil-sensor\n    traffic: [{pattern: periodic, every_s: 3600}]\n")
    scenario.write_text(text)
    run("sim", "run", scenario, "--out", tmp_path / "out", "--no-sweep")
    with open(tmp_path / "out/events.jsonl") as file:
        log = [json.loads(line) for line in file]
    assert [event["t"] for event in log if event["e"] == "message" and event["d"] == "logger"] == [10e9, 20.5e9, 300e9]
    soil = [event for event in log if event.get("d") == "soil"]
    assert [event["bytes"] for event in soil if event["e"] == "message"] == [3, 3]
    # Provisioned: no handshake travels.
    assert all(event["handshake"] == 0 for event in soil if event["e"] == "datagram" and event["way"] == "up")
    assert sum(1 for event in soil if event["e"] == "accepted") == 2
    (tmp_path / "times.csv").write_text("10\nlater\n")
    wrong = sotto("sim", "run", scenario)
    assert wrong.returncode == 65 and f'{tmp_path}/times.csv:2: "later" is not a number of seconds from 0 to' in wrong.stderr
    (tmp_path / "times.csv").write_text("10\n")
    scenario.write_text(text.replace("lorawan-eu868-soil-sensor", "nobody"))
    wrong = sotto("sim", "run", scenario)
    assert wrong.returncode == 65 and f'{scenario}:9: devices[1].profile: "nobody"' in wrong.stderr


def test_no_option_or_variable_makes_keys_repeat(tmp_path):
    for command in (["gateway"], ["device"], ["device", "send"], ["device", "init"], ["device", "enroll"], ["device", "watch"]):
        assert "seed" not in run(*command, "--help-hidden").lower(), command
    seeds = {name: "1" for name in ("SOTTO_SEED", "SOTTO_RANDOM", "SOTTO_RANDOM_SEED", "SOTTO_ENTROPY", "SEED", "RANDOM_SEED")}
    keys = {run("device", "init", tmp_path / f"{number}.yaml", env=seeds).strip() for number in range(3)}
    assert len(keys) == 3


def test_the_link_in_a_terminal_between_a_device_and_a_gateway(world, cleanup, tmp_path):
    site = world.site("live", rate=0)
    cleanup.callback(site.stop)
    site.start()
    capture = tmp_path / "link.pcapng"
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(SOTTO), "link", "--profile", "lab-20kbps", "--loss", "0", "--to", site.address, "--live", "--pcap", str(capture)],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, close_fds=True)
    os.close(terminal)
    shown = ""

    def read(until, seconds):
        nonlocal shown
        deadline = time.monotonic() + seconds
        while not re.search(until, shown):
            assert time.monotonic() < deadline, shown
            if select.select([controller], [], [], 0.2)[0]:
                try:
                    shown += os.read(controller, 4096).decode()
                except OSError:
                    break
        return re.search(until, shown)

    try:
        address = read(r"ready (127\.0\.0\.1:\d+)", 20)[1]
        owner = world.user("owner")
        rooms = []
        for number in range(2):
            name = f"live{number}"
            room = owner.create_room(name, invite=[f"@sotto_{name}:{world.homeserver.server_name}"])
            file = site.add_device(name, room, address=address)
            rooms.append((room, file, name))
        for room, file, name in rooms:
            run("device", "send", f"hello from {name}", "-d", file)
            owner.wait_event(room, lambda e: e["content"].get("body") == f"hello from {name}", 20)
        figures = read(r"\r\x1b\[K(\d+) datagrams with (\d+) bytes, 0 lost, 0 dropped, 0 under way; 2 devices; [\d.]+ % ", 20)
        assert int(figures[1]) >= 4
        # Control-C, as the terminal makes it.
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(controller)
    interfaces, packets = pcapng.read(capture.read_bytes())
    assert interfaces == ["up", "down"] and len(packets) == int(figures[1])
    assert sum(len(pcapng.payload(packet["bytes"])[1]) for packet in packets) == int(figures[2])
    assert {pcapng.payload(packet["bytes"])[0] for packet in packets} == {"10.0.0.1", "10.0.0.2"}
    assert {packet["direction"] for packet in packets} == {1, 2}
    assert all(re.fullmatch(r"datagram \d+: arrived", packet["comment"]) for packet in packets)
    # On a link of 20 kbit/s the answer cannot be there at once.
    assert all(abs(packet["time"] / 1e9 - time.time()) < 120 for packet in packets)
