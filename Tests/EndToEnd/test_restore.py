"""Stores that were put back, copied or carried to another machine; and what can be read in one."""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time

import pytest

from processes import Failed, Program
from sotto import SOTTO, run


def send(text, device):
    return subprocess.run(
        [str(SOTTO), "device", "send", text, "-d", str(device)], capture_output=True, text=True, timeout=60)


def bodies(room):
    return [event["content"]["body"] for event in room.from_device()]


def accepted(room, *texts):
    """Sends them; they are in the room when this returns."""
    for text in texts:
        done = send(text, room.device)
        assert done.returncode == 0, done.stderr
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == texts[-1], 10)


def data(site):
    return pathlib.Path(site.folder) / "data"


def database(site):
    """The database as a backup of that file alone has it, of a gateway that is stopped."""
    assert not (data(site) / "gateway.sqlite-wal").exists()
    return (data(site) / "gateway.sqlite").read_bytes()


def put_back(site, content):
    with open(data(site) / "gateway.sqlite", "wb") as file:
        file.write(content)


def expect_healing(site, room, reason):
    """The restore is told of; one message finds nobody, the next is accepted, and nothing of before is lost or doubled."""
    assert "the data folder was restored or copied" in site.gateway.text("err")
    restored = site.status()["restore"]
    assert reason in restored["reason"] and restored["awaitingHandshake"] == [room.device_name]
    listed = site.devices()[room.device_name]
    assert listed["awaitsHandshake"] and not listed["hasSession"] and "restored" in listed["remedy"]
    before = bodies(room)
    assert send("into the old session", room.device).returncode == 69
    accepted(room, f"after {reason}")
    assert bodies(room) == before + [f"after {reason}"]
    assert not site.devices()[room.device_name]["awaitsHandshake"]
    assert site.status()["restore"]["awaitingHandshake"] == []
    # And the session lasts.
    site.stop()
    site.start()
    accepted(room, f"later {reason}")
    assert bodies(room) == before + [f"after {reason}", f"later {reason}"]


def test_kills_and_restarts_are_no_restore(site, room):
    for index in range(5):
        accepted(room, f"message {index}")
        site.kill() if index % 2 else site.stop()
        site.start()
    assert "restore" not in site.status()
    assert send("one more", room.device).returncode == 0


def test_an_older_database_alone(site, room):
    accepted(room, "one")
    site.stop()
    backup = database(site)
    site.start()
    accepted(room, "two", "three")
    site.stop()
    put_back(site, backup)
    site.start()
    expect_healing(site, room, "older")
    assert bodies(room)[:3] == ["one", "two", "three"]


def test_a_database_of_a_moment_before_a_kill(site, room):
    """The backup is of the same run: nothing was started between it and what it is put back over."""
    accepted(room, "one")
    backup = sqlite3.connect(data(site) / "gateway.sqlite")
    copy = sqlite3.connect(data(site).parent / "backup.sqlite")
    backup.backup(copy)
    backup.close()
    copy.close()
    accepted(room, "two")
    site.kill()
    for name in ("gateway.sqlite-wal", "gateway.sqlite-shm"):
        (data(site) / name).unlink(missing_ok=True)
    put_back(site, (data(site).parent / "backup.sqlite").read_bytes())
    site.start()
    expect_healing(site, room, "older")


def test_a_copy_of_the_folder(site, room):
    accepted(room, "one")
    site.stop()
    time.sleep(1.1)
    original = data(site)
    shutil.copytree(original, original.parent / "copied")
    site.change(data="copied")
    site.start()
    expect_healing(site, room, "copy")
    # The original was left alone. Its sessions are out of date, which only its own traces can tell: they are whole.
    site.stop()
    site.change(data="data")
    site.start()
    assert "restore" not in site.status()


def test_another_machine(site, room, tmp_path):
    accepted(room, "one")
    site.stop()
    (tmp_path / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    site.change(machine_id_file=str(tmp_path / "machine-id"))
    site.start()
    expect_healing(site, room, "another machine")


def test_a_folder_put_back_as_a_whole_is_told_by_a_generation_outside_of_it(site, room):
    """Moved back, not copied: every file's times are what they were."""
    site.stop()
    site.change(generation_file="outside/generation")
    (pathlib.Path(site.folder) / "outside").mkdir()
    (data(site) / "generation").rename(pathlib.Path(site.folder) / "outside/generation")
    site.start()
    accepted(room, "one")
    site.stop()
    # A snapshot of the file system is more than a test can make: the database's own bytes under its own inode are one.
    backup = database(site)
    site.start()
    accepted(room, "two")
    site.stop()
    put_back(site, backup)
    site.start()
    expect_healing(site, room, "older")


def test_queues_of_a_restored_store_are_delivered_once(world, site, room):
    accepted(room, "before")
    site.stop()
    site.change(homeserver={"url": "https://127.0.0.1:9"})
    site.start()
    for text in ("queued 1", "queued 2"):
        assert send(text, room.device).returncode == 0
    site.stop()
    backup = database(site)
    site.change(homeserver={"url": world.homeserver.url})
    site.start()
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "queued 2", 20)
    site.stop()
    put_back(site, backup)
    site.start()
    assert "older" in site.status()["restore"]["reason"]
    deadline = time.monotonic() + 20
    while site.devices()[room.device_name]["queued"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert bodies(room) == ["before", "queued 1", "queued 2"]


# Devices


def files(device):
    return [pathlib.Path(str(device) + ending) for ending in ("", ".state", ".generation", ".anchor")]


def test_a_device_whose_state_was_put_back_makes_a_new_session(site, room):
    accepted(room, "one")
    state = pathlib.Path(room.device + ".state")
    backup = state.read_bytes()
    accepted(room, "two", "three")
    state.write_bytes(backup)
    sent = send("four", room.device)
    assert sent.returncode == 0 and "restored or copied" in sent.stderr and "older" in sent.stderr, sent.stderr
    sent = send("five", room.device)
    assert sent.returncode == 0 and "restored" not in sent.stderr
    room.owner.wait_event(room.id, lambda e: e["content"].get("body") == "five", 10)
    assert bodies(room) == ["one", "two", "three", "four", "five"]


def test_a_copied_device_makes_a_session_of_its_own(site, room, tmp_path):
    accepted(room, "one")
    time.sleep(1.1)
    for file in files(room.device):
        shutil.copy2(file, tmp_path / file.name)
    shutil.copy2(pathlib.Path(room.device).parent / "link.yaml", tmp_path)
    clone = tmp_path / pathlib.Path(room.device).name
    sent = send("from the copy", clone)
    assert sent.returncode == 0 and "copy" in sent.stderr, sent.stderr
    sent = send("from the copy again", clone)
    assert sent.returncode == 0 and "copied" not in sent.stderr, sent.stderr


def test_a_device_of_before_this_version_keeps_its_session(site, room):
    accepted(room, "one")
    state, generation, anchor = files(room.device)[1:]
    content = state.read_bytes()
    assert content.startswith(b"sotto note ")
    state.write_bytes(content[content.index(b"\n") + 1:])
    generation.unlink()
    anchor.unlink()
    sent = subprocess.run(
        [str(SOTTO), "device", "send", "two", "-d", room.device, "--json"], capture_output=True, text=True, timeout=60)
    # No handshake: its message is as short as one in a session.
    assert sent.returncode == 0 and sent.stderr == "" and json.loads(sent.stdout)["up"]["handshake"] == 0, sent


# Sealing


MARK = "a text that nobody else writes 8c1f"


def marks(site):
    return [path.name for path in sorted(data(site).iterdir()) if path.is_file() and MARK.encode() in path.read_bytes()]


@pytest.fixture
def holding(site, room):
    """A gateway that has a message in its queue, since its homeserver is away."""
    site.stop()
    site.change(homeserver={"url": "https://127.0.0.1:9"})
    site.start()
    assert send(MARK, room.device).returncode == 0
    return site


def test_nothing_that_a_device_says_can_be_read_in_the_store(holding):
    assert marks(holding) == []
    assert sum(device["queued"] for device in holding.devices().values()) == 1
    holding.stop()
    assert marks(holding) == []
    stored = sqlite3.connect(data(holding) / "gateway.sqlite")
    (body,), = stored.execute("SELECT body FROM uplink").fetchall()
    stored.close()
    assert len(body) > len(MARK) and MARK.encode() not in body
    modes = {path.name: path.stat().st_mode & 0o777 for path in data(holding).iterdir()}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_a_wrong_storage_key_and_a_missing_one_are_refused(holding):
    holding.stop()
    key = pathlib.Path(holding.folder) / "storage.key"
    right = key.read_text()
    key.write_text(run("key", "generate"))
    refused = subprocess.run([str(SOTTO), "gateway", "-c", holding.config], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 77 and "another storage key" in refused.stderr
    holding.change(storage_key_file=None)
    refused = subprocess.run([str(SOTTO), "gateway", "-c", holding.config], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 77 and "no storage key" in refused.stderr
    # From systemd, which hands it over in a folder of its own.
    credentials = pathlib.Path(holding.folder) / "credentials"
    credentials.mkdir()
    (credentials / "sotto-storage-key").write_text(right)
    (credentials / "sotto-storage-key").chmod(0o400)
    holding.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert sum(device["queued"] for device in holding.devices().values()) == 1


def test_a_store_without_a_key_is_sealed_when_it_gets_one(world, site, room):
    site.stop()
    shutil.rmtree(data(site))
    site.change(storage_key_file=None)
    site.start()
    file = site.add_device("unsealed", room.id)
    site.stop()
    site.change(homeserver={"url": "https://127.0.0.1:9"})
    site.start()
    assert send(MARK, file).returncode == 0
    site.stop()
    # The search finds what is not sealed.
    assert marks(site) == ["gateway.sqlite"]
    site.change(storage_key_file="storage.key")
    site.start()
    assert marks(site) == []
    assert site.devices()["unsealed"]["queued"] == 1 and site.devices()["unsealed"]["hasSession"]
    site.stop()
    assert marks(site) == []
