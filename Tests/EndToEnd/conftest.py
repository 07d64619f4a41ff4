"""One homeserver for all tests; a gateway, a link and devices of its own for each."""

import contextlib
import itertools
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Scripts/trial"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from faults import shim  # noqa: E402
from homeserver import Homeserver  # noqa: E402
from sotto import Link, Site, run  # noqa: E402

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="sotto-test-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def library(folder):
    """What breaks the machine under a program: faults/shim.py."""
    return shim.build(folder)


class World:
    """A homeserver that knows one application service, and a fresh folder for each gateway that is it."""

    def __init__(self, folder):
        self.folder = folder
        link = Link(folder, 1_000_000, 0)
        # The tokens and the port that the homeserver is told of; each test's gateway uses them in its turn.
        self.first = Site(folder, 1, link)
        self.homeserver = Homeserver(f"{folder}/synapse", [self.first.registration])
        self.homeserver.start()

    def site(self, name, rate=1_000_000, latency=0.0, loss=0.0, processing=0.3):
        path = pathlib.Path(self.folder) / name
        path.mkdir()
        link = Link(path, rate, latency, loss, processing)
        site = Site(path, self.homeserver.port, link, self.homeserver.ca_file)
        site.adopt(self.first)
        return site

    def user(self, name):
        return self.homeserver.user(f"{name}{next(numbers)}")


@pytest.fixture(scope="session")
def world(folder):
    made = World(folder)
    yield made
    made.homeserver.stop()


@pytest.fixture
def cleanup():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def site(world, cleanup):
    """A running gateway, reached without a slow link."""
    made = world.site(f"site{next(numbers)}")
    cleanup.callback(made.stop)
    return made.start()


@pytest.fixture
def room(world, site):
    """A room of `owner`, with a device `greenhouse` (or another number behind it) that is in it."""
    owner = world.user("owner")
    name = f"greenhouse{next(numbers)}"
    room_id = owner.create_room("Greenhouse", invite=[f"@sotto_{name}:{world.homeserver.server_name}"])
    file = site.add_device(name, room_id)

    class Room:
        id = room_id
        device = file
        device_name = name
        device_user = f"@sotto_{name}:{world.homeserver.server_name}"

        def __init__(self):
            self.owner = owner

        def send(self, *arguments, expect=0):
            return run("device", *arguments, "-d", file, expect=expect)

        def from_device(self):
            return [e for e in owner.events(room_id) if e["sender"] == self.device_user and e["type"] != "m.room.member"]

    return Room()
