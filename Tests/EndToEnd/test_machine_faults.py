"""A full disk, a clock that jumps and a damaged row: said clearly, and nothing else is affected."""

import json
import os
import pathlib
import sqlite3
import subprocess
import time

import pytest

from faults.proxy import Proxy
from faults.shim import Shim
from processes import Program
from sotto import SOTTO

YEAR = 365 * 86_400


def send(text, device, env=None):
    return subprocess.run(
        [str(SOTTO), "device", "send", text, "-d", str(device)], capture_output=True, text=True, timeout=90,
        env={**os.environ, **(env or {})})


def bodies(room):
    return [event["content"]["body"] for event in room.from_device()]


def wait_bodies(room, wanted, seconds=20):
    deadline = time.monotonic() + seconds
    while bodies(room) != wanted:
        assert time.monotonic() < deadline, bodies(room)
        time.sleep(0.1)


def told(site, text, seconds=10):
    """The lines of the gateway's log in which a text stands, once there is one."""
    deadline = time.monotonic() + seconds
    while text not in site.gateway.text("err"):
        assert time.monotonic() < deadline, site.gateway.tail()
        time.sleep(0.05)
    return [line for line in site.gateway.text("err").splitlines() if text in line]


def data(site):
    return pathlib.Path(site.folder) / "data"


# A full disk


def test_a_gateway_without_room_on_its_disk_promises_nothing_and_goes_on_when_there_is_some(site, room, library):
    full = data(site).parent / "full"
    site.stop()
    site.start(env=Shim(library, data(site)).environment(full=full))
    assert send("before", room.device).returncode == 0
    full.touch()
    for index in range(2):
        refused = send(f"while it is full {index}", room.device)
        # Without an answer: nothing is acknowledged that is not on disk.
        assert refused.returncode in (69, 77), refused
    told(site, "disk is full")
    room.owner.say(room.id, f"!{room.device_name} do n=1")
    assert site.gateway.running()
    full.unlink()
    deadline = time.monotonic() + 30
    while send("after", room.device).returncode != 0:
        assert time.monotonic() < deadline
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "after", 10)
    assert bodies(room)[0] == "before" and bodies(room)[-1] == "after" and len(set(bodies(room))) == len(bodies(room))
    watch = Program("watch", [SOTTO, "device", "watch", "-d", room.device, "--json", "--count", "1", "--timeout", "40"])
    try:
        assert json.loads(watch.wait_line("sender", 40))["arguments"] == {"n": "1"}
    finally:
        watch.stop()
    assert "restore" not in site.status()


def test_a_gateway_does_not_start_without_room_on_its_disk_and_says_why(site, room, library):
    assert send("before", room.device).returncode == 0
    site.stop()
    full = data(site).parent / "full"
    full.touch()
    refused = Program(
        "sotto gateway", [SOTTO, "gateway", "-c", site.config], env=Shim(library, data(site)).environment(full=full))
    assert refused.wait(20) == 73, refused.tail()
    assert "no space left" in refused.text("err").lower()
    full.unlink()
    site.start()
    assert send("after", room.device).returncode == 0
    wait_bodies(room, ["before", "after"])


def test_a_device_without_room_on_its_disk_sends_nothing_and_says_why(site, room, library):
    full = pathlib.Path(room.device + ".full")
    shim = Shim(library, pathlib.Path(room.device).parent)
    env = shim.environment(full=full)
    assert send("before", room.device, env).returncode == 0
    full.touch()
    refused = send("while it is full", room.device, env)
    assert refused.returncode == 73 and "No space left on device" in refused.stderr, refused
    full.unlink()
    assert send("after", room.device, env).returncode == 0
    wait_bodies(room, ["before", "after"])


# A clock that jumps


@pytest.mark.parametrize("jumps", [[YEAR, -YEAR], [-YEAR, YEAR]], ids=["forth and back", "back and forth"])
def test_a_clock_that_jumps_by_a_year_stops_nothing(world, site, room, library, cleanup, jumps):
    clock = data(site).parent / "clock"
    clock.write_text("0")
    proxy = Proxy(world.homeserver)
    cleanup.callback(proxy.stop)
    site.stop()
    site.change(homeserver={"url": proxy.url})
    site.start(env=Shim(library, data(site)).environment(clock=clock))
    assert send("before", room.device).returncode == 0
    watch = Program("watch", [SOTTO, "device", "watch", "-d", room.device, "--json", "--timeout", "100"])
    cleanup.callback(watch.stop)
    watch.wait_line('"what":"watch"', 20)
    expected, offset = ["before"], 0
    for index, jump in enumerate(jumps):
        # A retry is pending while the clock jumps: its time must come all the same.
        proxy.refuses = True
        room.owner.say(room.id, f"!{room.device_name} do n={index}")
        assert json.loads(watch.wait_line("sender", 20))["arguments"] == {"n": str(index)}
        watch.stop()
        text = f"message {index}"
        assert send(text, room.device).returncode == 0
        time.sleep(0.5)
        offset += jump
        clock.write_text(str(offset))
        proxy.refuses = False
        wait_bodies(room, [*expected, text], 30)
        expected.append(text)
        watch = Program("watch", [SOTTO, "device", "watch", "-d", room.device, "--json", "--timeout", "100"])
        cleanup.callback(watch.stop)
        watch.wait_line('"what":"watch"', 20)
    watch.stop()
    # And a start under the right clock is no restore.
    site.stop()
    site.start()
    assert "restore" not in site.status()
    assert send("after", room.device).returncode == 0
    wait_bodies(room, [*expected, "after"])


# One damaged row


def damage(site, table, column, where):
    """One bit in the middle of a value."""
    store = sqlite3.connect(data(site) / "gateway.sqlite")
    (value,), = store.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchall()
    broken = bytearray(value)
    broken[len(broken) // 2] ^= 1
    store.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(broken),))
    store.commit()
    store.close()


@pytest.fixture
def two_waiting(world, site, room):
    """Two devices with two messages each on their way to the room, and two commands for the first; the gateway is stopped."""
    room.owner.invite(room.id, f"@sotto_{room.device_name}b:{world.homeserver.server_name}")
    other = site.add_device(room.device_name + "b", room.id)
    assert send("first of another", other).returncode == 0
    assert send("zero", room.device).returncode == 0
    room.owner.say(room.id, f"!{room.device_name} do n=1")
    room.owner.say(room.id, f"!{room.device_name} do n=2")
    deadline = time.monotonic() + 10
    while site.devices()[room.device_name]["waiting"] < 2 or site.devices()[room.device_name]["queued"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    site.stop()
    site.change(homeserver={"url": "https://127.0.0.1:9"})
    site.start()
    for text in ("one", "two"):
        assert send(text, room.device).returncode == 0
        assert send("another " + text, other).returncode == 0
    site.stop()
    site.change(homeserver={"url": world.homeserver.url})
    return other


def test_a_damaged_message_is_told_of_and_given_up_and_all_others_arrive(site, room, two_waiting):
    damage(site, "uplink", "body", "id = (SELECT min(id) FROM uplink)")
    site.start()
    [line] = told(site, "the row uplink")
    assert "damaged" in line and f"device={room.device_name}" in line
    wait_bodies(room, ["zero", "two"])
    assert site.devices()[room.device_name]["refused"] == 1
    assert send("three", room.device).returncode == 0
    wait_bodies(room, ["zero", "two", "three"])
    others = [e["content"]["body"] for e in room.owner.events(room.id) if e["content"].get("body", "").startswith("another")]
    assert others == ["another one", "another two"]
    site.stop()
    site.start()
    assert send("four", room.device).returncode == 0
    wait_bodies(room, ["zero", "two", "three", "four"])
    assert "the row uplink" not in site.gateway.text("err")


def test_a_damaged_command_is_told_of_and_the_next_one_arrives(site, room, two_waiting):
    damage(site, "inbox", "body", "id = (SELECT min(id) FROM inbox)")
    site.start()
    [line] = told(site, "the row inbox")
    assert "damaged" in line and f"device={room.device_name}" in line
    watch = Program("watch", [SOTTO, "device", "watch", "-d", room.device, "--json", "--count", "1", "--timeout", "30"])
    try:
        assert json.loads(watch.wait_line("sender", 30))["arguments"] == {"n": "2"}
    finally:
        watch.stop()
    wait_bodies(room, ["zero", "one", "two"])


def test_a_damaged_session_costs_its_device_one_handshake_and_the_others_nothing(site, room, two_waiting):
    number = site_number(site, room)
    damage(site, "session", "session", f"device = {number} AND slot = 0")
    site.start()
    [line] = told(site, "damaged")
    assert "a stored session is damaged" in line and f"device={room.device_name}" in line
    other = subprocess.run(
        [str(SOTTO), "device", "send", "untouched", "-d", two_waiting, "--json"], capture_output=True, text=True)
    assert json.loads(other.stdout)["up"]["handshake"] == 0
    assert send("into nothing", room.device).returncode == 69
    assert send("after", room.device).returncode == 0
    wait_bodies(room, ["zero", "one", "two", "after"])


def site_number(site, room):
    store = sqlite3.connect(data(site) / "gateway.sqlite")
    (number,), = store.execute("SELECT number FROM device WHERE name = ?", (room.device_name,)).fetchall()
    store.close()
    return number
