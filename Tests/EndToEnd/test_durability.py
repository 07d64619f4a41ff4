"""Devices that die, and a homeserver that is away: nothing that was acknowledged is lost or doubled."""

import random
import subprocess
import time

from processes import Program
from sotto import SOTTO


def test_a_device_that_was_killed_repeats_the_same_message(world, cleanup):
    site = world.site("devicekilled", rate=2000, latency=0.3, processing=0.3)
    cleanup.callback(site.stop)
    site.start()
    site.link.start(site.address, seed=1)
    cleanup.callback(site.link.stop)
    owner = world.user("owner")
    room = owner.create_room("Killed", invite=[f"@sotto_devicekilled:{world.homeserver.server_name}"])
    device = site.add_device("devicekilled", room, site.link.address)
    chance = random.Random(1)
    for index in range(6):
        # Killed at some moment before, while or after it is answered; the next command repeats it first.
        program = Program("device", [SOTTO, "device", "send", f"message {index}", "-d", device])
        time.sleep(chance.uniform(0.15, 1.0))
        program.kill()
    last = Program("device", [SOTTO, "device", "send", "last", "-d", device])
    cleanup.callback(last.stop)
    assert last.wait(60) == 0, last.tail()
    owner.wait_event(room, lambda e: e["content"].get("body") == "last", 10)
    bodies = [e["content"]["body"] for e in owner.events(room) if "dev.sotto.id" in e["content"]]
    assert len(set(bodies)) == len(bodies), bodies
    # A device that was killed before it had stored the message has never promised anything; all others arrive.
    assert bodies[-1] == "last" and bodies == sorted(bodies, key=lambda b: (b == "last", b))


def test_the_homeserver_is_waited_for(world, cleanup):
    site = world.site("away")
    cleanup.callback(site.stop)
    site.start()
    owner = world.user("owner")
    room = owner.create_room("Away", invite=[f"@sotto_away:{world.homeserver.server_name}"])
    device = site.add_device("away", room)
    send = lambda text: subprocess.run(  # noqa: E731
        [str(SOTTO), "device", "send", text, "-d", device], capture_output=True, text=True, timeout=60)
    assert send("before").returncode == 0
    owner.wait_event(room, lambda e: e["content"].get("body") == "before", 10)
    world.homeserver.stop()
    try:
        for index in range(3):
            assert send(f"while it is away {index}").returncode == 0
        site.gateway.wait_line("the homeserver cannot be used", 20, label="err")
        assert site.devices()["away"]["queued"] == 3
        assert site.status()["homeserverProblem"]
        # And the gateway restarts meanwhile.
        site.kill()
        site.start()
        assert site.devices()["away"]["queued"] == 3
    finally:
        world.homeserver.start()
    owner.wait_event(room, lambda e: e["content"].get("body") == "while it is away 2", 90)
    bodies = [e["content"]["body"] for e in owner.events(room) if "dev.sotto.id" in e["content"]]
    assert bodies == ["before"] + [f"while it is away {index}" for index in range(3)]
