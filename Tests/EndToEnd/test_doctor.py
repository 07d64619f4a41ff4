"""The doctor names what is wrong and what to do, and changes nothing."""

import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

from processes import free_port
from sotto import SOTTO, run


def doctor(site, expect, env=None):
    """The findings by check; more than one of a check only where one of them is no "ok"."""
    done = subprocess.run(
        [str(SOTTO), "doctor", "-c", site.config, "--json"], capture_output=True, text=True, timeout=60,
        env={**os.environ, **(env or {})})
    assert done.returncode == expect, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["isWell"] == (expect == 0)
    wrong = [finding for finding in report["findings"] if finding["state"] == "wrong"]
    assert bool(wrong) == (expect == 1)
    # Whatever is wrong comes with what to do about it.
    assert all(finding["remedy"] for finding in wrong)
    return {finding["check"]: finding for finding in report["findings"]}


def wrong(site):
    return {name: finding for name, finding in doctor(site, 1).items() if finding["state"] == "wrong"}


def data(site):
    return pathlib.Path(site.folder) / "data"


def test_all_is_well(site, room):
    run("device", "send", "hello", "-d", room.device)
    found = doctor(site, 0)
    expected = {
        "configuration", "gateway key", "storage key", "data folder", "disk space", "store", "restore", "machine id",
        "homeserver", "gateway", "appservice", "clock", "ports", "rooms"}
    assert set(found) == expected
    # Whether a time service has set the clock is the machine's affair.
    assert {name for name in found if found[name]["state"] != "ok"} <= {"clock", "machine id"}
    assert "sealed" in found["store"]["text"] and "@sotto:hs.test" in found["homeserver"]["text"]
    text = run("doctor", "-c", site.config)
    assert all(name in text for name in expected)


def test_it_changes_nothing(site, room):
    run("device", "send", "hello", "-d", room.device)
    site.stop()
    before = {path.name: path.read_bytes() for path in data(site).iterdir()}
    found = doctor(site, 0)
    assert found["gateway"]["state"] == "note" and "appservice" not in found
    after = {path.name: path.read_bytes() for path in data(site).iterdir() if path.suffix != ".sqlite-shm"}
    assert {name: content for name, content in after.items() if content} == {
        name: content for name, content in before.items() if content}
    site.start()
    run("device", "send", "still the same session", "-d", room.device)


def test_before_the_first_start(world, cleanup):
    site = world.site("unstarted")
    found = doctor(site, 0)
    assert found["data folder"]["state"] == "note"


def test_a_configuration_that_is_wrong(site):
    site.change(lisen=["0.0.0.0:1"])
    found = wrong(site)
    assert set(found) == {"configuration"} and "listen" in found["configuration"]["text"]


def test_modes(site):
    key = pathlib.Path(site.folder) / "gateway.key"
    storage = pathlib.Path(site.folder) / "storage.key"
    for path in (key, storage):
        path.chmod(0o644)
    data(site).chmod(0o755)
    found = wrong(site)
    assert set(found) == {"gateway key", "storage key", "data folder"}
    assert "chmod 600" in found["gateway key"]["text"] and "chmod 700" in found["data folder"]["remedy"]
    for path in (key, storage):
        path.chmod(0o600)
    data(site).chmod(0o700)
    doctor(site, 0)


def test_keys_that_are_missing_or_wrong(site):
    site.stop()
    storage = pathlib.Path(site.folder) / "storage.key"
    right = storage.read_text()
    storage.write_text(run("key", "generate"))
    found = wrong(site)
    assert set(found) == {"store"} and "another storage key" in found["store"]["text"]
    storage.unlink()
    assert set(wrong(site)) == {"storage key"}
    site.change(storage_key_file=None)
    found = wrong(site)
    assert set(found) == {"store"} and "no storage key" in found["store"]["text"]
    credentials = pathlib.Path(site.folder) / "credentials"
    credentials.mkdir()
    (credentials / "sotto-storage-key").write_text(right)
    (credentials / "sotto-storage-key").chmod(0o400)
    doctor(site, 0, env={"CREDENTIALS_DIRECTORY": str(credentials)})
    site.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
    # The gateway has the key, an operator's shell has not.
    assert doctor(site, 0)["store"]["state"] == "note"
    (pathlib.Path(site.folder) / "gateway.key").write_text("nonsense\n")
    assert "gateway key" in wrong(site)


def test_a_store_of_a_newer_version_and_one_that_is_none(site):
    site.stop()
    store = data(site) / "gateway.sqlite"
    database = sqlite3.connect(store)
    database.execute("PRAGMA user_version = 99")
    database.close()
    found = wrong(site)
    assert set(found) == {"store"} and "newer" in found["store"]["text"]
    store.write_bytes(b"this is no database" * 100)
    assert set(wrong(site)) == {"store"}


@pytest.mark.parametrize("change, says", [
    ({"homeserver": {"url": "https://127.0.0.1:9"}}, "no connection"),
    ({"appservice": {"as_token": "not-the-token-that-it-knows"}}, "registration"),
    ({"homeserver": {"server_name": "other.test"}}, "@sotto:hs.test"),
])
def test_a_homeserver_that_cannot_be_used(site, change, says):
    site.stop()
    site.change(**change)
    found = wrong(site)
    assert set(found) == {"homeserver"} and says in found["homeserver"]["text"] + found["homeserver"]["remedy"]


def test_a_gateway_that_the_homeserver_does_not_reach(site):
    assert doctor(site, 0)["appservice"]["state"] == "ok"
    site.stop()
    # The homeserver goes on asking at the port of before.
    site.change(appservice={"listen": f"127.0.0.1:{free_port()}"})
    site.start()
    found = wrong(site)
    assert set(found) == {"appservice"} and "appservice.url" in found["appservice"]["remedy"]


def test_a_restore_is_told_of_before_and_after_the_gateway_deals_with_it(site, room):
    run("device", "send", "one", "-d", room.device)
    site.stop()
    backup = (data(site) / "gateway.sqlite").read_bytes()
    site.start()
    run("device", "send", "two", "-d", room.device)
    site.stop()
    with open(data(site) / "gateway.sqlite", "wb") as file:
        file.write(backup)
    found = wrong(site)
    assert set(found) == {"restore"} and "older" in found["restore"]["text"]
    site.start()
    found = doctor(site, 0)
    assert found["restore"]["state"] == "note" and room.device_name in found["restore"]["text"]
    run("device", "send", "nobody knows the session", "-d", room.device, expect=69)
    run("device", "send", "three", "-d", room.device)
    found = doctor(site, 0)
    assert found["restore"]["state"] == "ok" and "older" in found["restore"]["text"]
