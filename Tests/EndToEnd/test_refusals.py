"""What is wrong is said, with what to do about it, and has an exit code of its own."""

import json
import os
import secrets
import socket
import sqlite3
import stat
import subprocess
import time

import pytest
import yaml

from processes import Failed, Program
from sotto import SOTTO, run


def sotto(*arguments, stdin=None, env=None):
    return subprocess.run(
        [str(SOTTO), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60,
        env={**os.environ, **(env or {})})


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# Rooms


def test_a_room_that_the_device_may_not_enter(world, site):
    owner = world.user("owner")
    room = owner.create_room("Private")
    device = site.add_device("uninvited", room)
    listed = site.devices()["uninvited"]
    assert listed["state"] == "refused" and "invite @sotto_uninvited:hs.test" in listed["remedy"]
    sent = sotto("device", "send", "hello", "-d", device)
    assert sent.returncode == 76 and "4.03" in sent.stderr
    site.gateway.wait_line("may not enter", 5, label="err")
    assert site.devices()["uninvited"]["refused"] == 1
    owner.invite(room, "@sotto_uninvited:hs.test")
    wait_for(lambda: site.devices()["uninvited"]["state"] == "joined")
    assert sotto("device", "send", "hello", "-d", device).returncode == 0
    owner.wait_event(room, lambda e: e["content"].get("body") == "hello", 10)
    owner.kick(room, "@sotto_uninvited:hs.test")
    wait_for(lambda: site.devices()["uninvited"]["state"] == "refused")
    assert sotto("device", "send", "again", "-d", device).returncode == 76


def test_nothing_goes_in_clear_into_an_encrypted_room(world, site):
    owner = world.user("owner")
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = owner.create_room("Secret", invite=["@sotto_secret:hs.test"], initial_state=[encryption])
    device = site.add_device("secret", room, expect=76)
    listed = site.devices()["secret"]
    assert listed["state"] == "encrypted" and room in listed["remedy"] and "without encryption" in listed["remedy"]
    sent = sotto("device", "send", "hello", "-d", device)
    assert sent.returncode == 76 and "4.03" in sent.stderr
    assert [e for e in owner.events(room) if e["sender"] == "@sotto_secret:hs.test" and e["type"] != "m.room.member"] == []


def test_a_room_that_becomes_encrypted_holds_what_was_accepted(world, site, room):
    assert sotto("device", "send", "before", "-d", room.device).returncode == 0
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "before", 10)
    # While the homeserver is away the device's messages are accepted; the room becomes encrypted before they can go.
    site.kill()
    site.change(homeserver={"url": "https://127.0.0.1:9"})
    site.start()
    for text in ("held 1", "held 2"):
        assert sotto("device", "send", text, "-d", room.device).returncode == 0
    room.owner.set_state(room.id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    site.stop()
    site.change(homeserver={"url": world.homeserver.url})
    site.start()
    site.gateway.wait_line("is encrypted", 20, label="err")
    listed = site.devices()[room.device_name]
    assert (listed["state"], listed["queued"]) == ("encrypted", 2)
    sent = sotto("device", "send", "after", "-d", room.device)
    assert sent.returncode == 76 and "4.03" in sent.stderr
    assert site.devices()[room.device_name]["refused"] == 1
    time.sleep(0.5)
    assert [e["content"]["body"] for e in room.from_device()] == ["before"]


# Datagrams


def test_garbage_and_replays_leave_no_trace_but_counters(site, room):
    captured = []
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(0.05)
    gateway = ("127.0.0.1", site.udp_port)

    def through_us(text):
        """Sends through a socket of ours, which keeps what the device sent."""
        run("device", "configure", room.device, "--gateway", f"127.0.0.1:{listener.getsockname()[1]}")
        program = Program("device", [SOTTO, "device", "send", text, "-d", room.device])
        device = None
        deadline = time.monotonic() + 20
        while program.running():
            assert time.monotonic() < deadline
            try:
                data, sender = listener.recvfrom(65536)
            except socket.timeout:
                continue
            if sender == gateway:
                listener.sendto(data, device)
            else:
                device = sender
                captured.append(data)
                listener.sendto(data, gateway)
        assert program.wait(5) == 0, program.tail()

    through_us("one")
    through_us("two")
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "two", 10)
    before = site.devices()[room.device_name]

    hostile = [b"", b"\0", b"\xff" * 200, bytes(65507)]
    hostile += [bytes(length) for length in range(64)]
    hostile += [secrets.token_bytes(length) for length in range(1, 200)]
    for datagram in captured:
        hostile += [datagram[:length] for length in range(len(datagram))]
        for position in range(len(datagram) * 8):
            damaged = bytearray(datagram)
            damaged[position // 8] ^= 1 << position % 8
            hostile.append(bytes(damaged))
        hostile += [datagram] * 20
    attacker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for index, datagram in enumerate(hostile):
        attacker.sendto(datagram, gateway)
        if index % 200 == 0:
            time.sleep(0.02)
    received = before_count = site.status()["counters"]
    wait_for(lambda: sum(v for k, v in site.status()["counters"].items() if k.startswith("dropped")) > len(hostile) / 2)
    time.sleep(0.3)
    counters = site.status()["counters"]
    assert counters["droppedMalformed"] > 0 and counters["droppedForged"] > 0 and counters["droppedUnknownDevice"] > 0
    assert counters["requests"] == before_count["requests"] == received["requests"]
    after = site.devices()[room.device_name]
    # Forgeries are counted, which is no trace.
    assert after["session"].pop("forged") > before["session"].pop("forged")
    assert after == before, "a hostile datagram changed something"
    assert site.gateway.running()
    run("device", "configure", room.device, "--gateway", site.address)
    assert json.loads(run("device", "send", "three", "-d", room.device, "--json"))["up"]["handshake"] == 0
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "three", 10)
    assert [e["content"]["body"] for e in room.from_device()] == ["one", "two", "three"]


# A device's bad input


def test_a_float_is_refused_at_the_device_with_the_name_of_its_field(room, tmp_path):
    for content, named in [
        ('{"a": {"level": [1, 2.5]}}', "a.level[1]"), ('{"big": 9007199254740992}', "big"), ('{"e": 1.0e1}', "e"),
    ]:
        file = tmp_path / "event.json"
        file.write_text(content)
        sent = sotto("device", "event", "org.example.x", file, "-d", room.device)
        assert sent.returncode == 65 and named in sent.stderr, sent.stderr
    for content in ['{"a": NaN}', "[1]", '{"a": 1,}', '{"a": "\\ud800"}', ""]:
        file.write_text(content)
        sent = sotto("device", "event", "org.example.x", file, "-d", room.device)
        assert sent.returncode == 65 and str(file) in sent.stderr, sent.stderr
    assert room.from_device() == []


@pytest.mark.parametrize("reading", ["temperature", "=3", "t=", "t=warm", "t=1.2.3", "t=12345678901234567", "t=1e99", ""])
def test_a_reading_that_is_none_is_refused(room, reading):
    sent = sotto("device", "reading", reading, "-d", room.device)
    assert sent.returncode == 65 and "sotto:" in sent.stderr


def test_what_no_datagram_holds_goes_in_blocks_and_what_is_longer_still_is_refused_before_it_is_sent(site, room):
    sent = sotto("device", "send", "x" * 17_000, "-d", room.device)
    assert sent.returncode == 65 and "17003 bytes" in sent.stderr and "16384" in sent.stderr, sent.stderr
    assert sotto("device", "send", "x" * 5000, "-d", room.device).returncode == 0
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "x" * 5000, 10)


# Keys and devices


def test_a_wrong_key_or_an_unknown_device_is_not_answered_and_the_device_says_what_it_may_be(site, room):
    with open(room.device) as file:
        text = file.read()
    configuration = yaml.safe_load(text)
    stranger = os.path.join(os.path.dirname(room.device), "stranger.yaml")
    for change in ({"number": 99}, {"private_key": run("key", "generate").strip()}):
        with open(os.open(stranger, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            yaml.safe_dump({**configuration, **change}, file)
        if os.path.exists(stranger + ".state"):
            os.remove(stranger + ".state")
        sent = sotto("device", "send", "hello", "-d", stranger)
        assert sent.returncode == 77 and "does not know this device" in sent.stderr, sent.stderr
    counters = site.status()["counters"]
    assert counters["droppedUnknownDevice"] >= 1 and counters["droppedForged"] >= 1
    assert room.from_device() == []


def test_keys_that_cannot_be_used_are_refused(site, tmp_path):
    low_order = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    for key in ("xyz", "AAAA", low_order):
        added = sotto("device", "add", "bad", "--key", key, "--room", "!r", "-c", site.config)
        assert added.returncode == 77, added.stderr
    device = tmp_path / "open.yaml"
    run("device", "init", device)
    assert stat.S_IMODE(os.stat(device).st_mode) == 0o600
    os.chmod(device, 0o644)
    sent = sotto("device", "send", "hello", "-d", device)
    assert sent.returncode == 77 and "chmod 600" in sent.stderr
    again = sotto("device", "init", device)
    assert again.returncode == 65 and "not overwritten" in again.stderr


def test_names_rooms_and_repeated_keys_are_checked(site, room):
    key = sotto("key", "public", stdin=run("key", "generate")).stdout.strip()
    add = lambda *a: sotto("device", "add", *a, "-c", site.config)  # noqa: E731
    assert add("sotto", "--key", key, "--room", "!r").returncode == 65
    assert add("a b", "--key", key, "--room", "!r").returncode == 65
    assert add(room.device_name.upper(), "--key", key, "--room", "!r").returncode == 65
    assert add("other", "--key", key, "--room", "garden").returncode == 65
    taken = add("other", "--key", site.devices()[room.device_name]["publicKey"], "--room", "!r")
    assert taken.returncode == 77 and room.device_name in taken.stderr
    assert sotto("device", "revoke", "nobody", "-c", site.config).returncode == 79


def test_a_revoked_device_is_a_stranger_and_what_it_had_sent_stays(site, room):
    assert sotto("device", "send", "hello", "-d", room.device).returncode == 0
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "hello", 10)
    revoked = json.loads(run("device", "revoke", room.device_name, "-c", site.config, "--json"))
    assert revoked["state"] == "revoked"
    sent = sotto("device", "send", "again", "-d", room.device)
    assert sent.returncode == 69, sent.stderr
    assert sotto("device", "revoke", room.device_name, "-c", site.config).returncode == 79
    # The next try shakes hands, which is not answered either.
    assert sotto("device", "send", "again", "-d", room.device).returncode == 77


# Gateways


def test_a_second_gateway_is_refused_and_the_first_goes_on(site):
    second = sotto("gateway", "-c", site.config)
    assert second.returncode == 72 and str(site.gateway.pid) in second.stderr, second.stderr
    assert site.gateway.running() and site.status()["devices"] == 0


def test_ports_in_use_are_named(world, site):
    other = world.site("ports")
    other.change(listen=[site.address])
    taken = sotto("gateway", "-c", other.config)
    assert taken.returncode == 71 and site.address in taken.stderr
    other.change(listen=["127.0.0.1:0"])
    taken = sotto("gateway", "-c", other.config)
    assert taken.returncode == 71 and str(site.appservice_port) in taken.stderr, taken.stderr
    link = sotto("link", "--listen", site.address, "--to", "127.0.0.1:1")
    assert link.returncode == 71


def test_devices_are_managed_with_and_without_a_running_gateway(world, site):
    assert stat.S_IMODE(os.stat(os.path.join(site.folder, "data/gateway.sock")).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.join(site.folder, "data")).st_mode) == 0o700
    assert site.stop() == 0
    status = sotto("status", "-c", site.config)
    assert status.returncode == 75
    room = world.user("owner").create_room("Later", preset="public_chat")
    device = site.add_device("later", room)
    assert site.devices()["later"]["state"] == "pending"
    site.start()
    wait_for(lambda: site.devices()["later"]["state"] == "joined")
    assert sotto("device", "send", "hello", "-d", device).returncode == 0


def test_a_killed_gateway_leaves_nothing_in_the_way(site):
    site.kill()
    assert os.path.exists(os.path.join(site.folder, "data/gateway.sock"))
    assert json.loads(run("device", "list", "-c", site.config, "--json")) == []
    site.start()
    assert site.status()["devices"] == 0


def test_a_store_of_a_newer_version_is_left_alone(site):
    site.stop()
    store = os.path.join(site.folder, "data/gateway.sqlite")
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA user_version = 999")
    refused = sotto("gateway", "-c", site.config)
    assert refused.returncode == 74 and "newer" in refused.stderr and "999" in refused.stderr
    with sqlite3.connect(store) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (999,)


def test_a_certificate_that_is_not_trusted_is_refused_and_tried_again(world, site, room):
    site.stop()
    site.change(homeserver={"ca_file": None})
    with open(site.config) as file:
        configuration = yaml.safe_load(file)
    configuration["homeserver"].pop("ca_file")
    with open(site.config, "w") as file:
        yaml.safe_dump(configuration, file)
    site.start()
    site.gateway.wait_line("the homeserver cannot be used", 20, label="err")
    assert sotto("device", "send", "hello", "-d", room.device).returncode == 0
    time.sleep(1)
    assert room.from_device() == []
    assert site.devices()[room.device_name]["queued"] == 1


# Configuration


def test_a_configuration_is_made_with_comments_and_can_be_used(tmp_path):
    file = tmp_path / "sotto.yaml"
    run("config", "init", file, "--homeserver", "https://matrix.example.org", "--server-name", "example.org")
    assert stat.S_IMODE(os.stat(file).st_mode) == stat.S_IMODE(os.stat(tmp_path / "gateway.key").st_mode) == 0o600
    assert "can be used" in run("config", "check", file)
    assert sotto("config", "init", file).returncode == 65
    registration = yaml.safe_load(run("registration", "-c", file))
    assert registration["namespaces"]["users"] == [{"exclusive": True, "regex": "@sotto_.*:example\\.org"}]
    assert len(registration["as_token"]) == len(registration["hs_token"]) == 64


@pytest.mark.parametrize("change, line_has, says", [
    ({"lisen": ["0.0.0.0:1"]}, "lisen", "is \"listen\" meant?"),
    ({"listen": ["5683"]}, "listen", "HOST:PORT"),
    ({"homeserver": {"url": "http://matrix.example.org"}}, "homeserver.url", "plain http"),
    ({"homeserver": {"url": "matrix.example.org"}}, "homeserver.url", "https://"),
    ({"homeserver": {"server_name": None}}, "homeserver.server_name", "missing"),
    ({"homeserver": {"allow_plain_http": "maybe"}}, "allow_plain_http", "neither true nor false"),
    ({"homeserver": {"ca_file": "/nowhere.pem"}}, "ca_file", "cannot be read"),
    ({"appservice": {"as_token": "short"}}, "appservice.as_token", "16"),
    ({"appservice": {"user_prefix": "Ü"}}, "appservice.user_prefix", "lower-case"),
    ({"link": {"rate_bps": -5}}, "link.rate_bps", "number from 0"),
    ({"link": {"loss_percent": 101}}, "link.loss_percent", "0 to 100"),
    ({"commanders": ["alice"]}, "commanders", "@alice:example.org"),
])
def test_what_is_wrong_in_a_configuration_is_named_with_file_line_and_key(tmp_path, change, line_has, says):
    file = tmp_path / "sotto.yaml"
    run("config", "init", file, "--homeserver", "https://matrix.example.org", "--server-name", "example.org")
    configuration = yaml.safe_load(file.read_text())
    for key, value in change.items():
        if isinstance(value, dict):
            configuration[key].update(value)
            configuration[key] = {k: v for k, v in configuration[key].items() if v is not None}
        else:
            configuration[key] = value
    file.write_text(yaml.safe_dump(configuration))
    checked = sotto("config", "check", file)
    assert checked.returncode == 78, checked.stderr
    assert f"{file}:" in checked.stderr and line_has in checked.stderr and says in checked.stderr, checked.stderr


def test_a_file_that_is_no_yaml_or_is_not_there_is_named(tmp_path):
    file = tmp_path / "sotto.yaml"
    assert sotto("config", "check", file).returncode == 78
    for text in ("a: [", "- 1", "\tx: 1", ""):
        file.write_text(text)
        checked = sotto("config", "check", file)
        assert checked.returncode == 78 and str(file) in checked.stderr, (text, checked.stderr)


def test_the_environment_overrides_the_file(tmp_path):
    file = tmp_path / "sotto.yaml"
    run("config", "init", file)
    env = {"SOTTO_HOMESERVER__SERVER_NAME": "other.example", "SOTTO_APPSERVICE__HS_TOKEN_FILE": str(tmp_path / "token")}
    (tmp_path / "token").write_text("a-token-from-a-file\n")
    registration = yaml.safe_load(run("registration", "-c", file, env=env))
    assert registration["namespaces"]["users"][0]["regex"].endswith(":other\\.example")
    assert registration["hs_token"] == "a-token-from-a-file"
    wrong = sotto("config", "check", file, env={"SOTTO_LISTEN": "nonsense"})
    assert wrong.returncode == 78 and "nonsense" in wrong.stderr


@pytest.mark.parametrize("arguments, status", [
    (["link", "--to", "127.0.0.1"], 65), (["link", "--to", "127.0.0.1:1", "--loss", "101"], 65),
    (["link", "--to", "127.0.0.1:1", "--rate", "x"], 64), (["link"], 64), (["nonsense"], 64),
    (["device", "send", "x", "-d", "/nowhere.yaml"], 78), (["gateway", "-c", "/nowhere.yaml"], 78),
])
def test_words_of_the_command_line_that_make_no_sense(arguments, status):
    assert sotto(*arguments).returncode == status
