"""What breaks the machine in the other tests does what they rely on, and what judges them can find fault."""

import os
import random
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from faults import wire
from faults.power import BLOCK, Disk
from faults.recorder import DOWN, UP
from faults.shim import Shim


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return Disk(tmp_path / "disk", tmp_path / "shadow")


def run(library, folder, program, **faults):
    """A program in Python whose working folder is the broken one; its exit status."""
    done = subprocess.run(
        [sys.executable, "-c", "import os\n" + program], cwd=folder, capture_output=True, text=True, timeout=30,
        env={**os.environ, **Shim(library, folder).environment(**faults)})
    return done.returncode, done.stdout + done.stderr


WRITE = """
def put(name, text, flags=os.O_WRONLY | os.O_CREAT, sync=True):
    fd = os.open(name, flags, 0o600)
    os.write(fd, text)
    if sync: os.fsync(fd)
    os.close(fd)
def sync(fd=None):
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
"""


def content(disk):
    return {name: open(os.path.join(disk.folder, name), "rb").read() for name in sorted(os.listdir(disk.folder))}


def test_what_was_not_synchronised_is_gone_after_a_power_cut(library, disk):
    with open(os.path.join(disk.folder, "old"), "wb") as file:
        file.write(b"before")
    disk.settle()
    status, out = run(library, disk.folder, WRITE + """
put("kept", b"one"); sync()
put("kept", b"two!", sync=False)
put("nameless", b"its name was not synchronised")
put("old", b"BEFORE", sync=False)
put("old.new", b"renamed"); os.rename("old.new", "old")
os.kill(os.getpid(), 9)
""", shadow=disk.shadow)
    assert status == -9, out
    assert disk.cut(random.Random(1), 0) > 0
    assert content(disk) == {"kept": b"one", "old": b"before"}


def test_what_was_synchronised_survives_a_power_cut_and_is_not_touched(library, disk):
    disk.settle()
    status, out = run(library, disk.folder, WRITE + """
put("a.new", b"x" * 10_000); os.rename("a.new", "a"); sync()
""", shadow=disk.shadow)
    assert status == 0, out
    before = os.stat(os.path.join(disk.folder, "a"))
    assert disk.cut(random.Random(1), 0) == 0
    after = os.stat(os.path.join(disk.folder, "a"))
    assert content(disk) == {"a": b"x" * 10_000} and (before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns)


def test_a_power_cut_may_tear_what_was_being_written(library, disk):
    size = 40 * BLOCK
    disk.settle()
    status, out = run(library, disk.folder, WRITE + f"""
put("torn", b"a" * {size}); sync()
put("torn", b"b" * {size}, sync=False)
""", shadow=disk.shadow)
    assert status == 0, out
    disk.cut(random.Random(1), 0.5)
    [torn] = content(disk).values()
    blocks = [torn[start:start + BLOCK] for start in range(0, size, BLOCK)]
    assert set(blocks) == {b"a" * BLOCK, b"b" * BLOCK} and 8 < blocks.count(b"b" * BLOCK) < 32


@pytest.mark.parametrize("when, left", [("before", b"12"), ("after", b"123")])
def test_a_program_dies_at_the_call_that_was_chosen(library, tmp_path, when, left):
    program = "fd = os.open('out', os.O_WRONLY | os.O_CREAT)\nfor byte in b'12345': os.write(fd, bytes([byte]))"
    assert run(library, tmp_path, program, kill=("write", 3, when))[0] == -9
    assert (tmp_path / "out").read_bytes() == left


def test_datagrams_are_counted_and_streams_are_not(library, tmp_path):
    program = """
import socket
a, b = socket.socketpair()
for _ in range(9): a.send(b"x")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(3):
    print(n, flush=True)
    s.sendto(b"x", ("127.0.0.1", 9))
"""
    status, out = run(library, tmp_path, program, kill=("send", 2, "before"))
    assert (status, out) == (-9, "0\n1\n")


def test_a_full_disk_takes_nothing_more_until_there_is_room(library, tmp_path):
    (tmp_path / "data").mkdir()
    program = f"""
fd = os.open("file", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"one")
open({str(tmp_path / "full")!r}, "w").close()
try: os.write(fd, b"two")
except OSError as error: print(error.errno)
os.unlink({str(tmp_path / "full")!r})
os.write(fd, b"three")
"""
    assert run(library, tmp_path / "data", program, full=tmp_path / "full") == (0, "28\n")
    assert (tmp_path / "data/file").read_bytes() == b"onethree"


# The judge of what travelled


def session(chance):
    """A session as a device stores it, and its keys."""
    keys = {direction: chance.randbytes(32) for direction in (UP, DOWN)}
    record = bytes([3, 0, 32]) + chance.randbytes(32) + bytes(56)
    for direction in (UP, DOWN):
        record += bytes(8) + keys[direction]
    made = wire.Session(record + b"\0" + bytes(64))
    return {made.id: made}, keys


def frame(key, number, plaintext):
    """From the device with number 5."""
    sealed = ChaCha20Poly1305(key).encrypt(bytes(4) + number.to_bytes(8, "little"), plaintext, b"")
    return bytes([0xC0 | number & 63, 5]) + sealed


def test_a_number_with_two_ciphertexts_is_noticed_on_the_wire():
    sessions, keys = session(random.Random(1))
    sent = [(UP, frame(keys[UP], number, b"text %d" % number)) for number in range(100)]
    summary = wire.check(sent + sent[99:], sessions)
    assert (summary.numbers, summary.repeated) == (100, 1)
    with pytest.raises(wire.Broken, match="two ciphertexts"):
        wire.check([(UP, frame(keys[UP], 99, b"another text"))], sessions)


def test_a_frame_of_an_unknown_key_is_noticed_on_the_wire():
    sessions, keys = session(random.Random(2))
    with pytest.raises(wire.Broken, match="no session"):
        wire.check([(UP, frame(keys[DOWN], 0, b"text"))], sessions)


def test_a_handshake_that_uses_its_ephemeral_key_twice_is_noticed_on_the_wire():
    first = bytes([0b1000_0000, 5]) + bytes(32) + b"payload"
    wire.check([(UP, first), (UP, first)], {})
    with pytest.raises(wire.Broken, match="ephemeral"):
        wire.check([(UP, first), (UP, first + b"!")], {})
