"""Devices that bring their keys by themselves, that share a secret, and a gateway that changes its key."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest

from processes import Program
from sotto import SOTTO, run


def sotto(*arguments, stdin=None):
    return subprocess.run([str(SOTTO), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60)


def open_room(world):
    return world.user("owner").create_room("Open", preset="public_chat")


def enrolment(site, name, room):
    return json.loads(run("device", "add", name, "--enroll", "--room", room, "-c", site.config, "--json"))["enrolment"]


def test_a_device_enrols_itself_in_one_round_trip_and_speaks(world, site, tmp_path):
    room = open_room(world)
    shown = run("device", "add", "pump", "--enroll", "--room", room, "-c", site.config)
    text = re.search(r"'(SOTTO:[^']+)'", shown).group(1)
    # A QR code stands below it: a square of half blocks.
    picture = [line for line in shown.splitlines() if "█" in line]
    assert len(picture) > 15 and len({len(line) for line in picture}) == 1
    assert "may enrol itself until" in run("device", "list", "-c", site.config)
    device = tmp_path / "pump.yaml"
    before = site.status()["counters"]
    enrolled = json.loads(run("device", "enroll", "-", device, "--link", site.link.file, "--json", stdin=text + "\n"))
    after = site.status()["counters"]
    assert after["datagramsReceived"] - before["datagramsReceived"] == 1
    assert after["bytesReceived"] - before["bytesReceived"] + after["bytesSent"] - before["bytesSent"] <= 165
    listed = site.devices()["pump"]
    assert listed["number"] == int(enrolled["number"]) and listed["pattern"] == "KK"
    # Its first message needs no handshake any more.
    report = json.loads(run("device", "send", "hello", "-d", device, "--json"))
    assert report["code"] == "2.04" and report["up"]["handshake"] == 0
    assert not os.path.exists(str(device) + ".enrolling")


def test_a_code_works_once_and_a_mistyped_one_is_noticed(world, site, tmp_path):
    room = open_room(world)
    text = enrolment(site, "once", room)
    for position in range(len("SOTTO:"), len(text)):
        wrong = "2" if text[position] != "2" else "3"
        tried = sotto("device", "enroll", text[:position] + wrong + text[position + 1:], tmp_path / "typed.yaml")
        assert tried.returncode == 65 and "enrolment string" in tried.stderr, (position, tried.stderr)
        assert not os.path.exists(tmp_path / "typed.yaml")
    head, rest = text.lower().split("/", 1)
    run("device", "enroll", f"{head}/{rest.replace('0', 'o')}", tmp_path / "first.yaml", "--link", site.link.file)
    second = sotto("device", "enroll", text, tmp_path / "second.yaml", "--link", site.link.file)
    assert second.returncode == 77 and "used" in second.stderr
    assert list(site.devices()) == ["once"]
    assert sotto("device", "enroll", text, tmp_path / "first.yaml").returncode == 65


def test_an_answer_that_was_lost_is_given_again_after_kills_of_both_sides(world, site, tmp_path, cleanup):
    room = open_room(world)
    text = enrolment(site, "lost", room)
    device = tmp_path / "lost.yaml"
    # Nobody listens here: the device makes its attempt, and is killed before anything is answered.
    program = Program("enroll", [SOTTO, "device", "enroll", text, device, "--gateway", "127.0.0.1:9", "--link", site.link.file])
    cleanup.callback(program.stop)
    deadline = time.monotonic() + 20
    while not os.path.exists(str(device) + ".enrolling"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    program.kill()
    attempt = (tmp_path / "attempt")
    shutil.copy(str(device) + ".enrolling", attempt)
    run("device", "enroll", text, device, "--link", site.link.file)
    number = site.devices()["lost"]["number"]
    # As if the answer had never come: the same attempt once more, to a gateway that was killed meanwhile.
    site.kill()
    site.start()
    shutil.copy(attempt, str(device) + ".enrolling")
    content = device.read_text()
    device.write_text("".join(line for line in content.splitlines(True) if not line.startswith("number:")))
    os.remove(str(device) + ".state")
    again = json.loads(run("device", "enroll", text, device, "--link", site.link.file, "--json"))
    assert int(again["number"]) == number
    assert json.loads(run("device", "send", "hello", "-d", device, "--json"))["code"] == "2.04"


def test_wrong_codes_burn_nothing_and_are_limited(world, site, tmp_path):
    room = open_room(world)
    text = enrolment(site, "guarded", room)
    key, other = text.split("/")[1], enrolment(site, "another", room)
    assert key == other.split("/")[1]
    run("device", "enroll", other, tmp_path / "another.yaml", "--link", site.link.file)
    before = site.status()["counters"]
    # The used code is as wrong as any other.
    tried = sotto("device", "enroll", other, tmp_path / "thief.yaml", "--link", site.link.file)
    assert tried.returncode == 77
    assert site.status()["counters"]["droppedForged"] > before["droppedForged"]
    run("device", "enroll", text, tmp_path / "guarded.yaml", "--link", site.link.file)
    assert site.devices()["guarded"]["state"] in ("joined", "pending")


def test_an_open_enrolment_can_be_taken_back_and_keeps_its_name(world, site, tmp_path):
    room = open_room(world)
    text = enrolment(site, "taken", room)
    assert sotto("device", "add", "taken", "--enroll", "--room", room, "-c", site.config).returncode == 65
    site.kill()
    site.start()
    run("device", "revoke", "taken", "-c", site.config)
    assert sotto("device", "enroll", text, tmp_path / "taken.yaml", "--link", site.link.file).returncode == 77
    assert site.devices() == {}


@pytest.mark.parametrize("with_key, pattern", [(True, "KKpsk0"), (False, "NNpsk0")])
def test_a_device_with_a_shared_secret(world, site, tmp_path, with_key, pattern):
    room = open_room(world)
    secret = tmp_path / "secret"
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(run("key", "generate"))
    device = tmp_path / "device.yaml"
    key = run("device", "init", device).strip()
    added = json.loads(run(
        "device", "add", "psk", *(["--key", key] if with_key else []), "--psk", secret, "--room", room, "-c", site.config,
        "--json"))
    assert added["pattern"] == pattern
    gateway_key = run("key", "public", stdin=open(os.path.join(site.folder, "gateway.key")).read()).strip()
    run("device", "configure", device, "--gateway", site.address, "--number", added["number"], "--link", site.link.file,
        *(["--gateway-key", gateway_key] if with_key else []))
    if with_key:
        # Without the secret the key alone is not enough.
        assert sotto("device", "send", "hello", "-d", device).returncode == 77
    else:
        assert sotto("device", "send", "hello", "-d", device).returncode == 78
    run("device", "configure", device, "--psk", secret)
    assert json.loads(run("device", "send", "hello", "-d", device, "--json"))["up"]["handshake"] == 34
    site.kill()
    site.start()
    assert json.loads(run("device", "send", "again", "-d", device, "--json"))["up"]["handshake"] == 0
    os.chmod(secret, 0o644)
    assert sotto("device", "configure", device, "--psk", secret).returncode == 77


def test_while_the_gateway_changes_its_key_both_are_valid(world, site, room):
    assert sotto("device", "send", "before", "-d", room.device).returncode == 0
    old = os.path.join(site.folder, "gateway.key")
    os.rename(old, old + ".old")
    with open(os.open(old, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(run("key", "generate"))
    site.stop()
    site.change(previous_key_file=old + ".old")
    site.start()
    # The session goes on, and so does a device that knows the old key only and begins anew.
    assert json.loads(run("device", "send", "session", "-d", room.device, "--json"))["up"]["handshake"] == 0
    os.remove(room.device + ".state")
    for _ in range(2):
        # A device without its memory is told the counter first.
        assert sotto("device", "send", "old key", "-d", room.device).returncode == 0
    new = run("key", "public", stdin=open(old).read()).strip()
    run("device", "configure", room.device, "--gateway-key", new)
    report = json.loads(run("device", "send", "new key", "-d", room.device, "--json"))
    assert report["up"]["handshake"] > 0
    site.stop()
    site.change(previous_key_file=None)
    site.start()
    assert json.loads(run("device", "send", "after", "-d", room.device, "--json"))["up"]["handshake"] == 0
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "after", 10)


def moved(*arguments, status=0):
    done = sotto(*arguments)
    assert done.returncode == status, (arguments, done.stdout, done.stderr)
    return done


def test_a_device_enrols_itself_by_its_label_without_knowing_the_gateways_key(world, site, tmp_path):
    room = open_room(world)
    added = json.loads(run("device", "add", "labelled", "--label", "--room", room, "-c", site.config, "--json"))
    assert re.fullmatch(r"SOTTO:[^/]+/%s/[0-9A-Z]{28}" % added["number"], added["label"])
    listed = site.devices()["labelled"]
    assert listed["pattern"] == "XXpsk0" and "publicKey" not in listed and not listed["hasSession"]
    device = tmp_path / "labelled.yaml"
    wrong = added["label"][:-1] + ("2" if added["label"][-1] != "2" else "3")
    moved("device", "enroll", wrong, device, status=65)
    enrolled = json.loads(moved(
        "device", "enroll", added["label"], device, "--profile", site.link.file, "--json").stdout)
    assert enrolled["number"] == added["number"]
    listed = site.devices()["labelled"]
    assert listed["pattern"] == "KK" and "received" not in listed["session"]
    report = json.loads(run("device", "send", "hello", "-d", device, "--json"))
    assert report["code"] == "2.04" and report["up"]["handshake"] == 0
    # The gateway was killed in between: the device goes on in its session.
    site.kill()
    site.start()
    assert json.loads(run("device", "send", "again", "-d", device, "--json"))["up"]["handshake"] == 0
    # The label works once.
    moved("device", "enroll", added["label"], tmp_path / "thief.yaml", "--profile", site.link.file, status=77)


def test_a_device_gets_another_key_and_keeps_its_number_and_its_room(world, site, tmp_path):
    owner = world.user("owner")
    room = owner.create_room("Turning", preset="public_chat")
    device = site.add_device("turning", room)
    run("device", "send", "before", "-d", device, "--json")
    before = site.devices()["turning"]
    text = json.loads(run("device", "rotate", "turning", "-c", site.config, "--json"))["enrolment"]
    # The old key serves until the new one is shown.
    assert json.loads(run("device", "send", "meanwhile", "-d", device, "--json"))["code"] == "2.04"
    moved("device", "enroll", text, device, status=65)
    moved("device", "enroll", "--rotate", text, device)
    after = site.devices()["turning"]
    assert after["publicKey"] != before["publicKey"] and after["number"] == before["number"]
    assert json.loads(run("device", "send", "after", "-d", device, "--json"))["code"] == "2.04"
    deadline = time.monotonic() + 30
    while site.devices()["turning"]["queued"] and time.monotonic() < deadline:
        time.sleep(0.2)
    bodies = [event["content"]["body"] for event in owner.events(room) if "dev.sotto.id" in event["content"]]
    assert bodies == ["before", "meanwhile", "after"]
    moved("device", "rotate", "nobody", "-c", site.config, status=79)


def test_a_provisioned_session_needs_no_handshake_and_is_moved_never_copied(world, site, tmp_path):
    room = open_room(world)
    file, device = tmp_path / "session.yaml", tmp_path / "buoy.yaml"
    moved("device", "add", "buoy", "--session", file, "--room", room, "--profile", "nowhere", "-c", site.config,
          status=65)
    moved("device", "add", "buoy", "--session", file, "--room", room, "--profile", "reference-100bps", "-c", site.config)
    assert 'link: "reference-100bps"' in file.read_text()
    assert oct(os.stat(file).st_mode & 0o777) == "0o600"
    copy = tmp_path / "copy.yaml"
    shutil.copy(file, copy)
    moved("device", "add", "other", "--session", file, "--room", room, "-c", site.config, status=65)
    moved("device", "import", file, device, "--profile", site.link.file)
    assert not os.path.exists(file)
    listed = site.devices()["buoy"]
    assert listed["pattern"] == "provisioned" and listed["hasSession"]
    report = json.loads(run("device", "send", "hello", "-d", device, "--json"))
    assert report["code"] == "2.04" and report["up"]["handshake"] == 0 and report["down"]["handshake"] == 0
    # Both sides are stopped and started; the session goes on.
    site.kill()
    site.start()
    assert json.loads(run("device", "send", "again", "-d", device, "--json"))["code"] == "2.04"

    # Moved: the old place is dead, the file is used once.
    moved("device", "export", device, tmp_path / "moved.yaml")
    refused = sotto("device", "send", "from the old place", "-d", device)
    assert refused.returncode == 77 and "session" in refused.stderr
    moved("device", "import", tmp_path / "moved.yaml", device, status=65)
    elsewhere = tmp_path / "elsewhere.yaml"
    shutil.copy(tmp_path / "moved.yaml", tmp_path / "claimed.yaml")
    moved("device", "import", tmp_path / "moved.yaml", elsewhere, "--profile", site.link.file)
    assert json.loads(run("device", "send", "moved", "-d", elsewhere, "--json"))["code"] == "2.04"
    moved("device", "import", tmp_path / "moved.yaml", tmp_path / "twice.yaml", status=65)

    # A copy that somebody made before the import is noticed, and the session ends for both.
    thief = tmp_path / "thief.yaml"
    moved("device", "import", copy, thief, "--profile", site.link.file)
    for text in ("one", "two", "three", "four"):
        sotto("device", "send", text, "-d", thief)
        if not site.devices()["buoy"]["hasSession"]:
            break
    listed = site.devices()["buoy"]
    assert not listed["hasSession"] and "provision the device again" in listed["remedy"]
    assert site.status()["counters"]["droppedCopied"] == 1
    found = json.loads(moved("device", "list", "-c", site.config, "--json").stdout)
    assert [each["pattern"] for each in found if each["name"] == "buoy"] == ["provisioned"]
    report = json.loads(moved("doctor", "-c", site.config, "--json", status=1).stdout)
    wrong = [finding for finding in report["findings"] if finding["state"] == "wrong"]
    assert [finding["check"] for finding in wrong] == ["sessions"] and "buoy" in wrong[0]["text"], wrong

    # Provisioned again, under the same number.
    moved("device", "rotate", "buoy", "--session", file, "-c", site.config)
    again = tmp_path / "again.yaml"
    moved("device", "import", file, again, "--profile", site.link.file)
    assert json.loads(run("device", "send", "healed", "-d", again, "--json"))["code"] == "2.04"
    assert site.devices()["buoy"]["number"] == listed["number"]
