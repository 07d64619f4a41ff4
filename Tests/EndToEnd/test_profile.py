"""Profiles on the command line: what is listed, checked and explained, and that a name means the same everywhere."""

import json
import shutil

import pytest
import yaml

from sotto import ROOT, run
from test_refusals import sotto


def test_all_installed_profiles_are_listed_and_right():
    listed = {entry["name"]: entry for entry in json.loads(run("profile", "list", "--json"))}
    files = {path.stem for path in (ROOT / "Firmware-Profiles").glob("[ld][ie]*s/*.yaml")}
    assert set(listed) == files and len(files) >= 47
    assert listed["lorawan-eu868-dr0"] == {
        "name": "lorawan-eu868-dr0", "kind": "lpwan", "carries": "adapter", "allowsEncryption": True, "canRun": True,
        "description": "LoRaWAN EU868 DR0 (SF12, 125 kHz)"}
    assert not listed["sigfox-rc1"]["canRun"] and not listed["ax25-1200"]["allowsEncryption"]
    reports = json.loads(run("profile", "check", "--json"))
    assert len(reports) == len(files) and all(report["isRight"] for report in reports)
    assert "nbiot-meter" in run("profile", "list")


def test_explain_says_what_follows():
    soil = json.loads(run("profile", "explain", "lorawan-eu868-soil-sensor", "--json"))
    assert soil["bytesUp"] == 22 and soil["carriesUDP"] is False and soil["security"] == "provisioned"
    # SF12, 22 + 13 bytes: (8 * 35 - 48 + 44) / 40, rounded up, blocks of 5 symbols, and 8 + 12.25 more of 32.768 ms.
    assert soil["airtimeUp"] == pytest.approx((-(-(8 * 35 - 48 + 44) // 40) * 5 + 20.25) * 0.032768)
    assert soil["energy"]["idealYears"] > soil["energy"]["deratedYears"] > 1
    text = run("profile", "explain", "sigfox-rc1")
    assert "CANNOT RUN" in text and "18 + 1 = 19" in text
    assert json.loads(run("profile", "explain", "reference-100bps", "--body", "6", "--json"))["ackTimeout"] == 10.92


def test_a_wrong_profile_is_named_with_its_line(tmp_path):
    source = ROOT / "Firmware-Profiles/devices/reference-sensor.yaml"
    wrong = tmp_path / "mine.yaml"
    text = source.read_text()
    wrong.write_text(text.replace("hex: 4cea2e60", "hex: 4cea2e61"))
    checked = sotto("profile", "check", wrong)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "hex: 4cea2e60" in row)
    assert checked.returncode == 65
    assert f"{wrong}:{line}: payload.examples[0].hex: these values travel as 4cea2e60" in checked.stdout
    wrong.write_text(text + "ota: true\n")
    explained = sotto("profile", "explain", wrong)
    assert explained.returncode == 65 and f"{wrong}:{len(text.splitlines()) + 1}: ota: is not a key" in explained.stderr


def test_names_and_paths_are_the_same_everywhere(tmp_path):
    assert sotto("profile", "explain", "nowhere").returncode == 66
    shutil.copy(ROOT / "Firmware-Profiles/links/nbiot-ce2.yaml", tmp_path / "my.yaml")
    file = tmp_path / "device.yaml"
    run("device", "init", file)
    for name in ("nbiot-ce2", "./my.yaml", "my.yaml"):
        run("device", "configure", file, "--profile", name)
        assert yaml.safe_load(file.read_text())["link"] == name
    assert sotto("device", "configure", file, "--profile", "nowhere").returncode == 78
    config = tmp_path / "sotto.yaml"
    run("config", "init", config, "--homeserver", "https://matrix.example.org", "--server-name", "example.org")
    for value, says in (("nbiot-ce2", None), ("my.yaml", None), ("nowhere", "link: \"nowhere\": no link profile"),
                        ("sigfox-rc1", "18 + 1 = 19"), ("ax25-1200", "link_encryption_permitted: true")):
        changed = yaml.safe_load(config.read_text()) | {"link": value}
        config.write_text(yaml.safe_dump(changed))
        checked = sotto("config", "check", config)
        assert checked.returncode == (0 if says is None else 78), checked.stderr
        assert says is None or says in checked.stderr
    changed["link_encryption_permitted"] = True
    config.write_text(yaml.safe_dump(changed))
    assert sotto("config", "check", config).returncode == 0
    assert sotto("profile", "explain", "my", env={"SOTTO_PROFILES": str(tmp_path)}).returncode == 66
    (tmp_path / "links").mkdir()
    shutil.move(tmp_path / "my.yaml", tmp_path / "links/my.yaml")
    assert sotto("profile", "explain", "my", env={"SOTTO_PROFILES": str(tmp_path)}).returncode == 0


def test_a_link_of_amateur_radio_is_refused_by_the_relay():
    refused = sotto("link", "--profile", "ax25-1200", "--to", "127.0.0.1:1")
    assert refused.returncode != 0 and "amateur radio" in refused.stderr
