"""A device's messages reach the room, and what is written there reaches the device."""

import json
import subprocess
import time

from processes import Program
from sotto import SOTTO, run


def test_a_reading_becomes_exactly_the_documented_event(room):
    before = int(time.time() * 1000)
    room.send("reading", "temperature=21.5Cel", "humidity=40%RH", "battery=3.71V")
    event = room.owner.wait_event(room.id, lambda e: e["sender"] == room.device_user and "dev.sotto.id" in e["content"], 10)
    after = int(time.time() * 1000)
    ts = event["content"]["dev.sotto.reading"]["ts"]
    assert before <= ts <= after
    identity = event["content"]["dev.sotto.id"]
    assert len(identity) >= 18
    assert event["content"] == {
        "msgtype": "m.notice",
        "body": "temperature 21.5 °C, humidity 40 %, battery 3.71 V",
        "dev.sotto.id": identity,
        "dev.sotto.reading": {
            "v": 1, "ts": ts,
            "f": [
                {"n": "temperature", "u": "Cel", "m": 215, "e": -1},
                {"n": "humidity", "u": "%RH", "m": 40, "e": 0},
                {"n": "battery", "u": "V", "m": 371, "e": -2},
            ],
        },
    }
    assert event["type"] == "m.room.message"
    assert event["sender"] == room.device_user
    # The time of the event is that of the measurement.
    assert event["origin_server_ts"] == ts


def test_a_measurement_keeps_its_own_time_and_every_digit(room):
    room.send("reading", "--at", "1700000000", "level=-0.0400m", "mass=3e2kg", "count=9007199254740991")
    event = room.owner.wait_event(room.id, lambda e: "dev.sotto.reading" in e["content"], 10)
    assert event["origin_server_ts"] == 1700000000000
    assert event["content"]["dev.sotto.reading"] == {
        "v": 1, "ts": 1700000000000,
        "f": [
            {"n": "level", "u": "m", "m": -400, "e": -4}, {"n": "mass", "u": "kg", "m": 3, "e": 2},
            {"n": "count", "u": "", "m": 9007199254740991, "e": 0},
        ],
    }
    assert event["content"]["body"] == "level -0.0400 m, mass 300 kg, count 9007199254740991"


def test_a_text_and_an_event_of_any_type(room, tmp_path):
    room.send("send", "żółw 🐢 says \"hello\"\n")
    content = {"open": True, "count": 3, "nested": {"list": [1, None, "x", {}], "": -9007199254740991}, "ü": "€"}
    (tmp_path / "door.json").write_text(json.dumps(content))
    room.send("event", "org.example.door", tmp_path / "door.json")
    event = room.owner.wait_event(room.id, lambda e: e["type"] == "org.example.door", 10)
    assert {k: v for k, v in event["content"].items() if k != "dev.sotto.id"} == content
    [text] = [e for e in room.from_device() if e["type"] == "m.room.message"]
    assert {k: v for k, v in text["content"].items() if k != "dev.sotto.id"} == {
        "msgtype": "m.text", "body": "żółw 🐢 says \"hello\"\n"}
    assert text["content"]["dev.sotto.id"] != event["content"]["dev.sotto.id"]


def test_hello_with_its_confirmation_takes_two_short_datagrams(room):
    room.send("send", "hello")
    report = json.loads(room.send("send", "hello", "--json"))
    assert report["code"] == "2.04"
    assert report["up"]["datagrams"] == report["down"]["datagrams"] == 1
    assert report["up"]["total"] + report["down"]["total"] == 43
    for direction in ("up", "down"):
        layers = report[direction]
        assert layers["total"] == sum(layers[k] for k in ("frame", "handshake", "tag", "coap", "body"))
    assert report["up"]["body"] == 6 and report["up"]["tag"] == 16
    deadline = time.monotonic() + 10
    while len(room.from_device()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [e["content"]["body"] for e in room.from_device()] == ["hello", "hello"]


def test_a_reading_packed_as_the_firmware_says_is_the_same_event(room, site):
    values = ["temperature=21.5Cel", "humidity=40%RH", "battery=3.71V"]
    room.send("reading", *values)
    run("device", "configure", room.device, "--firmware", "reference-sensor")
    # The gateway does not know yet what the bits mean.
    room.send("reading", *values, expect=76)
    told = run("device", "firmware", room.device_name, "reference-sensor", "-c", site.config)
    assert "4 bytes" in told
    report = json.loads(room.send("reading", *values, "--json"))
    # The run before was refused and left a lease of numbers unfinished, which costs a byte until the next answer.
    assert report["up"]["body"] == 4 and report["up"]["total"] + report["down"]["total"] <= 42
    # What the template has no place for describes itself.
    room.send("reading", "temperature=21.55Cel")
    deadline = time.monotonic() + 10
    while len(room.from_device()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    plain, packed, other = [e["content"] for e in room.from_device()]
    assert packed["body"] == plain["body"] and packed["dev.sotto.reading"]["f"] == plain["dev.sotto.reading"]["f"]
    assert other["body"] == "temperature 21.55 °C"
    run("device", "firmware", room.device_name, "no-such-firmware", "-c", site.config, expect=65)


def watch(room, cleanup, *options):
    program = Program("watch", [SOTTO, "device", "watch", "-d", room.device, "--json", *options])
    cleanup.callback(program.stop)
    program.wait_line('"what":"watch"', 20)
    return program


def test_a_message_and_a_command_reach_a_watching_device(room, cleanup):
    room.send("send", "hello")  # the handshake's own traffic is counted here
    program = watch(room, cleanup, "--count", "2", "--timeout", "30")
    room.owner.say(room.id, "Is it warm?")
    room.owner.say(room.id, f"!{room.device_name} valve open=40 mode=slow")
    message = json.loads(program.wait_line("sender", 20))
    command = json.loads(program.wait_line("sender", 20))
    assert (message["sender"], message["message"]) == (room.owner.user_id, "Is it warm?")
    assert (command["command"], command["arguments"]) == ("valve", {"open": "40", "mode": "slow"})
    for arrived in (message, command):
        assert arrived["cost"]["up"]["datagrams"] == arrived["cost"]["down"]["datagrams"] == 1
        assert arrived["cost"]["up"]["body"] == 0 and arrived["cost"]["down"]["body"] > 20
    assert program.wait(10) == 0


def test_what_arrives_while_the_device_is_away_waits_for_it(world, site, room, cleanup):
    room.owner.say(room.id, "first")
    room.owner.say(room.id, "second")
    deadline = time.monotonic() + 10
    while site.devices()[room.device_name]["waiting"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    site.stop()
    site.start()
    program = watch(room, cleanup, "--count", "2", "--timeout", "30")
    assert [json.loads(program.wait_line("sender", 20))["message"] for _ in range(2)] == ["first", "second"]
    assert program.wait(10) == 0
    assert site.devices()[room.device_name]["waiting"] == 0


def test_a_message_that_no_datagram_holds_arrives_in_blocks_and_one_that_is_longer_still_is_cut(room, cleanup):
    program = watch(room, cleanup, "--count", "3", "--timeout", "30")
    room.owner.say(room.id, "ż" * 1500)
    room.owner.say(room.id, "ż" * 20_000)
    room.owner.say(room.id, f"!{room.device_name} valve " + " ".join(f"k{i}=1" for i in range(2000)))
    room.owner.say(room.id, "after")
    assert json.loads(program.wait_line("sender", 20))["message"] == "ż" * 1500
    # 4,096 bytes at most, of which two make a letter.
    cut = json.loads(program.wait_line("sender", 20))["message"]
    assert cut.endswith("…") and set(cut[:-1]) == {"ż"} and 2000 < len(cut) < 2048
    assert json.loads(program.wait_line("sender", 20))["message"] == "after"


def test_only_who_may_command_commands_and_only_its_own_device(world, room, cleanup):
    stranger, moderator = world.user("stranger"), world.user("moderator")
    for user in (stranger, moderator):
        room.owner.invite(room.id, user.user_id)
        user.join(room.id)
    room.owner.set_power(room.id, moderator.user_id, 50)
    program = watch(room, cleanup, "--count", "2", "--timeout", "30")
    stranger.say(room.id, f"!{room.device_name} valve open=1")
    moderator.say(room.id, "!another valve open=2")
    moderator.send(room.id, {"msgtype": "m.notice", "body": f"!{room.device_name} valve open=3"})
    moderator.say(room.id, f"!{room.device_name} valve open=4")
    stranger.say(room.id, "only talking")
    arrived = [json.loads(program.wait_line("sender", 20)) for _ in range(2)]
    assert [a.get("arguments", a.get("message")) for a in arrived] == [{"open": "4"}, "only talking"]


def test_several_devices_share_a_room_and_do_not_hear_themselves(world, site, room, cleanup):
    room.owner.invite(room.id, f"@sotto_second:{world.homeserver.server_name}")
    second = site.add_device("second", room.id)
    program = Program("watch", [SOTTO, "device", "watch", "-d", second, "--json", "--count", "1", "--timeout", "30"])
    cleanup.callback(program.stop)
    program.wait_line('"what":"watch"', 20)
    room.send("send", "from a device")
    room.owner.say(room.id, "from a person")
    assert json.loads(program.wait_line("sender", 20))["message"] == "from a person"


def test_a_slow_link_is_waited_for_and_not_flooded(world, cleanup):
    site = world.site("slow", rate=1000, latency=0.3, processing=0.3)
    cleanup.callback(site.stop)
    site.start()
    site.link.start(site.address, seed=1)
    cleanup.callback(site.link.stop)
    owner = world.user("owner")
    room_id = owner.create_room("Slow", invite=[f"@sotto_slow:{world.homeserver.server_name}"])
    device = site.add_device("slow", room_id, site.link.address)
    for _ in range(2):
        report = json.loads(run("device", "send", "hello", "-d", device, "--json"))
        assert report["retransmissions"] == 0, "a timer ran out before the answer could be there"
    # 43 bytes at 1000 bit/s and twice 0.3 s.
    assert 0.94 <= report["seconds"] <= 2.0


def test_the_gateway_listens_on_ipv4_and_ipv6(world, cleanup):
    from processes import free_port
    import socket
    site = world.site("v6")
    port = free_port(socket.SOCK_DGRAM, "::1")
    site.change(listen=[f"127.0.0.1:{site.udp_port}", f"[::1]:{port}"])
    cleanup.callback(site.stop)
    site.start()
    owner = world.user("owner")
    room_id = owner.create_room("Six", invite=[f"@sotto_six:{world.homeserver.server_name}"])
    device = site.add_device("six", room_id, f"[::1]:{port}")
    assert "2.04" in run("device", "send", "over v6", "-d", device)
    run("device", "configure", device, "--gateway", site.address)
    # Another address, the same session: the device has moved.
    report = json.loads(run("device", "send", "over v4", "-d", device, "--json"))
    assert report["code"] == "2.04" and report["up"]["handshake"] == 0
    owner.wait_event(room_id, lambda e: e["content"].get("body") == "over v4", 10)


def test_keys_are_made_and_shown_without_files(tmp_path):
    private = run("key", "generate").strip()
    public = run("key", "public", stdin=private + "\n").strip()
    assert len(private) == len(public) == 44 and private != public
    assert json.loads(run("key", "public", "--json", stdin=private)) == {"publicKey": public}
    assert len(json.loads(run("key", "generate", "--json"))["privateKey"]) == 44
    made = json.loads(run("config", "init", tmp_path / "sotto.yaml", "--json"))
    assert json.loads(run("config", "check", tmp_path / "sotto.yaml", "--json"))["publicKey"] == made["publicKey"]
    assert subprocess.run([str(SOTTO), "key", "public"], input="AAAA", capture_output=True, text=True).returncode == 77
