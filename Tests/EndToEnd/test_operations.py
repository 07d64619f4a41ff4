"""What an operator sees of a gateway: queues, devices, health, figures; and backups."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.request

from processes import free_port
from sotto import SOTTO, run


def ask(port, path):
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def queue(site):
    return json.loads(run("queue", "-c", site.config, "--json"))


def show(site, name):
    return json.loads(run("device", "show", name, "-c", site.config, "--json"))


def test_a_device_is_shown_with_its_session_its_use_and_its_queue(site, room):
    fresh = show(site, room.device_name)
    assert "sessionSince" not in fresh and "lastSeen" not in fresh and "today" not in fresh
    room.send("send", "one")
    room.send("send", "two")
    shown = show(site, room.device_name)
    assert shown["hasSession"] and shown["sessionSince"] and shown["lastSeen"]
    assert shown["today"]["bytesUp"] > 40 and shown["today"]["bytesDown"] > 40
    # The link's rate is known: 1 Mbit/s.
    assert shown["today"]["airtimeUpSeconds"] >= shown["today"]["bytesUp"] * 8 / 1e6
    assert shown["accepted"] == 2
    text = run("device", "show", room.device_name, "-c", site.config)
    assert "bytes from it" in text and room.device_user in text
    run("device", "show", "nobody", "-c", site.config, expect=79)


def test_the_queue_says_what_waits_and_when_it_will_have_arrived(world, site, room):
    assert queue(site)["queued"] == 0 and queue(site)["secondsToCatchUp"] == 0
    assert "nothing is queued" in run("queue", "-c", site.config)
    room.send("send", "before")
    world.homeserver.stop()
    try:
        for number in range(12):
            room.send("send", f"held {number}")
        held = queue(site)
        assert held["queued"] >= 12
        assert [device["name"] for device in held["devices"]] == [room.device_name]
        assert held["devices"][0]["oldest"]
        assert "queued" in run("queue", "-c", site.config)
        # Without a gateway the store says it; nobody knows the rates.
        site.stop()
        assert queue(site)["queued"] == held["queued"] and "acceptedPerSecond" not in queue(site)
        site.start()
    finally:
        world.homeserver.start()
    room.owner.wait_event(room.id, lambda event: event["content"].get("body") == "held 11", 120)
    bodies = [event["content"]["body"] for event in room.from_device()]
    assert bodies == ["before"] + [f"held {number}" for number in range(12)]
    assert queue(site)["queued"] == 0


def test_health_and_figures_for_those_who_watch(site, room):
    port = free_port()
    site.stop()
    site.change(monitoring_listen=f"127.0.0.1:{port}")
    site.start()
    assert ask(port, "/live") == (200, "live\n")
    room.send("send", "one")
    status, body = ask(port, "/ready")
    assert (status, json.loads(body)) == (200, {"ready": True, "reasons": []})
    status, text = ask(port, "/metrics")
    assert status == 200
    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert float(values["sotto_devices"]) == 1 and float(values["sotto_devices_with_session"]) == 1
    assert int(values["sotto_requests_total"]) >= 1 and int(values["sotto_datagrams_received_total"]) >= 1
    # Neither names nor secrets.
    tokens = pathlib.Path(site.config).read_text()
    assert room.device_name not in text
    assert all(word not in text for word in tokens.split() if len(word) > 30)
    assert ask(port, "/nothing")[0] == 404


def test_a_backup_of_a_running_gateway_is_put_back_and_detected(site, room, tmp_path):
    backup = tmp_path / "backup.sqlite"
    room.send("send", "one")
    run("backup", backup, "-c", site.config)
    assert backup.stat().st_mode & 0o777 == 0o600
    run("backup", backup, "-c", site.config, expect=73)
    room.send("send", "two")
    room.owner.wait_event(room.id, lambda event: event["content"].get("body") == "two", 20)
    run("restore", backup, "-c", site.config, expect=72)
    site.stop()
    restored = json.loads(run("restore", backup, "-c", site.config, "--json"))
    assert "older" in restored["restore"] and pathlib.Path(restored["replaced"]).exists()
    site.start()
    assert site.status()["restore"]["awaitingHandshake"] == [room.device_name]
    lost = subprocess.run(
        [str(SOTTO), "device", "send", "into the old session", "-d", str(room.device)], capture_output=True, timeout=60)
    assert lost.returncode == 69
    room.send("send", "three")
    room.owner.wait_event(room.id, lambda event: event["content"].get("body") == "three", 20)
    assert [event["content"]["body"] for event in room.from_device()] == ["one", "two", "three"]
