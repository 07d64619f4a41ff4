"""Whatever becomes of a request on its way to the homeserver and back: each message is in the room once, in order."""

import os
import random
import subprocess
import threading
import time

import pytest

from faults.proxy import Proxy
from homeserver import Homeserver
from sotto import SOTTO, Link, Site

LONG = bool(os.environ.get("SOTTO_LONG"))
# Of each way to fail.
COUNT = 50 if LONG else 3
# Requests that hang do so side by side.
DEVICES = 10 if LONG else 3


class LimitedWorld:
    """A homeserver that limits the rate of the application service's users too."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.site = Site(folder, 1, Link(folder, 1_000_000, 0, processing=0.3))
        with open(self.site.registration) as file:
            text = file.read()
        with open(self.site.registration, "w") as file:
            file.write(text.replace("rate_limited: false", "rate_limited: true"))
        self.homeserver = Homeserver(
            f"{folder}/synapse", [self.site.registration], extra={"rc_message": {"per_second": 0.5, "burst_count": 3}})
        self.homeserver.start()


@pytest.fixture
def limited(tmp_path, cleanup):
    made = LimitedWorld(tmp_path / "limited")
    cleanup.callback(made.homeserver.stop)
    return made


def test_each_message_is_in_the_room_once_whatever_the_homeserver_answers(limited, cleanup):
    chance = random.Random(4)
    homeserver, site = limited.homeserver, limited.site
    plan = ["cut", "html", "away"] * COUNT
    chance.shuffle(plan)
    lock = threading.Lock()
    hung = {}
    # From here on each device's first messages hang, one of each at a time.
    hangs_each = -(-COUNT // DEVICES)

    def fault(method, path):
        if "/send/" not in path:
            return None
        user = path.split("user_id=")[1].split("&")[0]
        with lock:
            if hung.setdefault(user, 0) < hangs_each and sum(hung.values()) < COUNT:
                hung[user] += 1
                return "hang"
            return plan.pop() if plan and chance.random() < 0.6 else None

    proxy = Proxy(homeserver, fault)
    cleanup.callback(proxy.stop)
    site.change(homeserver={"url": proxy.url, "ca_file": str(homeserver.ca_file)})
    cleanup.callback(site.stop)
    site.start()
    owner = homeserver.user("owner")
    rooms, files, accepted = [], [], [[] for _ in range(DEVICES)]
    for index in range(DEVICES):
        name = f"troubled{index}"
        rooms.append(owner.create_room(name, invite=[f"@sotto_{name}:{homeserver.server_name}"]))
        files.append(site.add_device(name, rooms[-1]))

    # As many as the faults need; each is acknowledged whatever becomes of those before.
    each = (4 * COUNT) // DEVICES + 6

    def speak(index):
        for number in range(each):
            done = subprocess.run(
                [str(SOTTO), "device", "send", f"message {number}", "-d", files[index]], capture_output=True, text=True,
                timeout=60)
            if done.returncode == 0:
                accepted[index].append(f"message {number}")

    threads = [threading.Thread(target=speak, args=(index,)) for index in range(DEVICES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(texts) for texts in accepted] == [each] * DEVICES

    deadline = time.monotonic() + (1500 if LONG else 150)
    while any(device["queued"] for device in site.devices().values()):
        assert time.monotonic() < deadline, (site.devices(), proxy.seen)
        time.sleep(0.3)
    for room, texts in zip(rooms, accepted):
        bodies = [e["content"]["body"] for e in owner.events(room) if "dev.sotto.id" in e["content"]]
        assert bodies == texts
    counts = {kind: sum(1 for seen, _ in proxy.seen if seen == kind) for kind in ("cut", "html", "away", "hang")}
    limits = proxy.statuses.count(429)
    assert all(count >= COUNT for count in counts.values()) and limits >= COUNT, (counts, limits)
    assert not any(device["refused"] for device in site.devices().values())
    print(f"{DEVICES * each} messages of {DEVICES} devices; {counts}, {limits} times 429")
