"""The ETSI test descriptions for CoAP (TD_COAP_CORE, _BLOCK, _OBS, _LINK), each message read and written by aiocoap's codec,
and those with a reverse proxy through aiocoap-proxy."""

import concurrent.futures
import contextlib
import itertools
import pathlib
import socket
import subprocess
import time

import pytest
from aiocoap import DELETE, GET, POST, PUT, Message
from aiocoap.numbers.types import ACK, CON, NON, RST

from processes import Program, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = ROOT / ".build/venv/bin"


@contextlib.contextmanager
def running(command, ready=None):
    program = Program(pathlib.Path(command[0]).name, list(map(str, command)))
    try:
        if ready:
            program.wait_line(ready, 20)
        yield
    finally:
        program.stop()


@pytest.fixture
def port():
    """Of a server of its own, whose resources are as at the start."""
    number = free_port(socket.SOCK_DGRAM)
    with running([ROOT / ".build/debug/coap-conformance-server", "--port", number], "ready"):
        yield number


class Client:
    """One socket, and messages as they are: nothing is repeated or acknowledged unless a test says so."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", port))
        self.ids = itertools.count(int(time.time() * 1000) % 60000)

    def send(self, code, path, payload=b"", mtype=CON, token=b"t", **options):
        message = Message(code=code, payload=payload, _mtype=mtype, _mid=next(self.ids) % 65536, _token=token)
        message.opt.uri_path = tuple(path.strip("/").split("/")) if path != "/" else ()
        for name, value in options.items():
            setattr(message.opt, name, value)
        self.socket.send(message.encode())
        return message

    def receive(self, seconds=8):
        self.socket.settimeout(seconds)
        self.newest = self.socket.recv(65536)
        return Message.decode(self.newest)

    def silence(self, seconds):
        with pytest.raises(socket.timeout):
            said = self.receive(seconds)
            print("not silent:", said, said.payload)

    def reply(self, message, mtype):
        self.socket.send(bytes([0x40 | mtype.value << 4, 0]) + message.mid.to_bytes(2, "big"))

    def ask(self, code, path, payload=b"", mtype=CON, token=b"t", **options):
        """The answer, which has to be piggybacked, or unconfirmed to what was unconfirmed."""
        request = self.send(code, path, payload, mtype, token, **options)
        answer = self.receive()
        assert answer.token == token
        assert (answer.mtype, answer.mid) == (ACK, request.mid) if mtype == CON else answer.mtype == NON
        return answer

    def notification(self, token=b"t"):
        told = self.receive()
        assert told.token == token
        if told.mtype == CON:
            self.reply(told, ACK)
        return told


def code(message):
    return f"{message.code // 32}.{message.code % 32:02}"


@pytest.mark.parametrize("mtype", [CON, NON])
@pytest.mark.parametrize("token", [b"", b"\x01", b"12345678"])
def test_core_01_to_08_10_12(port, mtype, token):
    client = Client(port)
    for _ in range(2):
        got = client.ask(GET, "/test", mtype=mtype, token=token)
        assert code(got) == "2.05" and got.payload and got.opt.content_format is not None
        put = client.ask(PUT, "/test", b"new", mtype, token, content_format=0)
        assert code(put) == "2.04"
        post = client.ask(POST, "/test", b"x", mtype, token, content_format=0)
        assert code(post) == "2.01" and post.opt.location_path
        assert code(client.ask(DELETE, "/test", mtype=mtype, token=token)) == "2.02"


def test_core_09_11_16_17_separate(port):
    client = Client(port)
    for token in (b"", b"12"):
        request = client.send(GET, "/separate", token=token)
        acknowledged = client.receive()
        assert (acknowledged.mtype, acknowledged.mid, code(acknowledged)) == (ACK, request.mid, "0.00")
        answer = client.receive()
        assert (answer.mtype, code(answer), answer.token) == (CON, "2.05", token)
        # Its acknowledgement is lost: it comes again, the same.
        first = client.newest
        again = client.receive()
        assert client.newest == first
        client.reply(again, ACK)
    # The acknowledgement of the request is lost: the client repeats that, and is told once more.
    request = client.send(GET, "/separate")
    client.receive()
    began = time.monotonic()
    client.socket.send(request.encode())
    acknowledged = client.receive()
    assert (acknowledged.mtype, code(acknowledged)) == (ACK, "0.00")
    client.reply(client.receive(), ACK)
    assert 0.5 < time.monotonic() - began < 2
    client.send(GET, "/separate", mtype=NON)
    answer = client.receive()
    assert (answer.mtype, code(answer)) == (NON, "2.05")
    client.silence(0.5)


def test_core_13_14_paths_and_queries(port):
    client = Client(port)
    assert client.ask(GET, "/seg1/seg2/seg3").payload == b"/seg1/seg2/seg3"
    got = client.ask(GET, "/query", uri_query=("first=1", "second=2", "third=3"))
    assert code(got) == "2.05" and got.payload == b"/query?first=1&second=2&third=3"


def test_core_18_19_locations(port):
    client = Client(port)
    for path in ("/test", "/create2"):
        created = client.ask(POST, path, b"made", content_format=0)
        assert code(created) == "2.01" and created.opt.location_path == ("location1", "location2", "location3")
        assert client.ask(GET, "/location1/location2/location3").payload == b"made"
    created = client.ask(POST, "/location-query", b"x", content_format=0)
    assert code(created) == "2.01" and created.opt.location_query == ("first=1", "second=2")


def formats(client):
    for format in (0, 41, 50, 60):
        got = client.ask(GET, "/multi-format", accept=format)
        assert code(got) == "2.05" and got.opt.content_format == format and got.payload
    assert code(client.ask(GET, "/multi-format", accept=11050)) == "4.06"


def validation(client, direct):
    first = client.ask(GET, "/validate")
    assert code(first) == "2.05" and first.opt.etag and first.payload
    valid = client.ask(GET, "/validate", etag=first.opt.etag)
    assert code(valid) == "2.03" and valid.payload == b"" and valid.opt.etag == first.opt.etag
    changed = client.ask(PUT, "/validate", b"second", content_format=0, if_match=[first.opt.etag])
    assert code(changed) == "2.04"
    second = client.ask(GET, "/validate", etag=first.opt.etag)
    assert code(second) == "2.05" and second.opt.etag != first.opt.etag and second.payload == b"second"
    assert code(direct.ask(PUT, "/validate", b"third", content_format=0)) == "2.04"
    refused = client.ask(PUT, "/validate", b"fourth", content_format=0, if_match=[second.opt.etag])
    assert code(refused) == "4.12"
    assert direct.ask(GET, "/validate").payload == b"third"


def creation(client, path):
    assert code(client.ask(PUT, path, b"x", content_format=0, if_none_match=True)) == "2.01"
    assert code(client.ask(PUT, path, b"y", content_format=0, if_none_match=True)) == "4.12"
    assert client.ask(GET, path).payload == b"x"


def test_core_20_to_23(port):
    client = Client(port)
    formats(client)
    validation(client, Client(port))
    creation(client, "/create1")


def test_core_24_to_29_behind_a_reverse_proxy(port):
    proxy = free_port(socket.SOCK_DGRAM)
    command = [VENV / "aiocoap-proxy", "--reverse", "--bind", f"127.0.0.1:{proxy}", "--unconditional", f"127.0.0.1:{port}"]
    with running(command):
        client = Client(proxy)
        for _ in range(50):
            with contextlib.suppress(OSError):
                client.ask(GET, "/test")
                break
            time.sleep(0.2)
        created = client.ask(POST, "/create2", b"x", content_format=0)
        assert code(created) == "2.01" and created.opt.location_path == ("location1", "location2", "location3")
        created = client.ask(POST, "/location-query", b"x", content_format=0)
        assert code(created) == "2.01" and created.opt.location_query == ("first=1", "second=2")
        formats(client)
        direct = Client(port)
        # aiocoap-proxy forwards no answer with Max-Age, so that it is asked for the changes only.
        first = direct.ask(GET, "/validate")
        assert code(client.ask(PUT, "/validate", b"a", content_format=0, if_match=[first.opt.etag])) == "2.04"
        assert code(client.ask(PUT, "/validate", b"b", content_format=0, if_match=[first.opt.etag])) == "4.12"
        assert direct.ask(GET, "/validate").payload == b"a"
        creation(client, "/create3")


def test_core_29_max_age_through_a_proxy(port):
    proxy = free_port(socket.SOCK_DGRAM)
    with running(["coap-server-notls", "-A", "127.0.0.1", "-p", proxy, "-P", ",proxy"]):
        time.sleep(0.5)
        client = Client(proxy)
        request = Message(code=GET, _mtype=CON, _mid=1, _token=b"t")
        request.opt.proxy_uri = f"coap://127.0.0.1:{port}/validate"
        client.socket.send(request.encode())
        assert code(client.receive()) == "0.00"
        answer = client.receive()
        client.reply(answer, ACK)
        assert code(answer) == "2.05" and answer.payload and 0 < answer.opt.max_age <= 30


def test_core_31_ping(port):
    client = Client(port)
    client.socket.send(bytes.fromhex("40001234"))
    assert client.socket.recv(100) == bytes.fromhex("70001234")


def download(client, path, size, early=True):
    body, number, exponent = b"", 0, {16: 0, 64: 2, 1024: 6}[size]
    tags = set()
    while True:
        got = client.ask(GET, path, **({"block2": (number, False, exponent)} if early or number else {}))
        block = got.opt.block2
        assert code(got) == "2.05" and block.block_number == number and block.size_exponent <= exponent
        assert len(got.payload) == block.size or not block.more
        tags.add(got.opt.etag)
        exponent, body, number = block.size_exponent, body + got.payload, number + 1
        if not block.more:
            assert len(tags) == 1
            return body


def test_block_01_02_06_downloads(port):
    client = Client(port)
    bodies = {download(client, "/large", size, early) for size, early in [(64, True), (16, True), (1024, False)]}
    assert len(bodies) == 1 and len(bodies.pop()) == 1280


BODY = bytes(97 + i % 26 for i in range(1000))


def upload(client, method, path, continues=("2.31",)):
    for number in range(16):
        more = number < 15
        part = BODY[number * 64:(number + 1) * 64]
        got = client.ask(method, path, part, content_format=0, block1=(number, more, 2))
        assert (got.opt.block1.block_number, got.opt.block1.size_exponent) == (number, 2)
        if more:
            assert code(got) in continues and got.opt.block1.more
    return got


def test_block_03_04_05_uploads(port):
    client = Client(port)
    assert code(upload(client, PUT, "/large-update")) == "2.04"
    assert download(client, "/large-update", 64) == BODY
    places = set()
    for _ in range(2):
        created = upload(client, POST, "/large-create")
        assert code(created) == "2.01" and len(created.opt.location_path) == 2
        assert created.opt.location_path[0] == "large-create"
        places.add("/" + "/".join(created.opt.location_path))
    for place in places:
        assert download(client, place, 64) == BODY
    assert len(places) == 2
    # Both ways: the answer of the last block begins the answer's body.
    last = upload(client, POST, "/large-post")
    assert code(last) == "2.04" and last.opt.block2.more
    body, exponent = last.payload, last.opt.block2.size_exponent
    while last.opt.block2.more:
        last = client.ask(POST, "/large-post", content_format=0, block2=(len(body) // last.opt.block2.size, False, exponent))
        assert code(last) == "2.04"
        body += last.payload
    assert body.startswith(BODY) and len(body) > len(BODY)


def test_obs_01_02_10_11_12(port):
    def observe(path, mtype):
        client = Client(port)
        first = client.ask(GET, path, mtype=mtype, observe=0)
        assert code(first) == "2.05" and first.opt.observe is not None and first.opt.max_age == 5
        numbers, payloads = [first.opt.observe], {first.payload}
        for _ in range(2):
            told = client.notification()
            assert (told.mtype, code(told)) == (mtype, "2.05") and told.opt.content_format == first.opt.content_format
            numbers.append(told.opt.observe)
            payloads.add(told.payload)
        assert numbers == sorted(set(numbers)) and len(payloads) == 3
        other = client.ask(GET, path, token=b"other")
        assert other.opt.observe is None
        assert code(client.notification()) == "2.05"
        if mtype == CON:
            # Not acknowledged: repeated with the newest state, and never two of them at a time.
            one = client.receive()
            two = client.receive()
            assert one.token == two.token == b"t"
            client.reply(two, ACK)
        end = client.ask(GET, path, observe=1)
        assert code(end) == "2.05" and end.opt.observe is None
        client.silence(6)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(observe, ["/obs", "/obs-non"], [CON, NON]))


def test_obs_04_06_07_08_09(port):
    client = Client(port)
    assert client.ask(GET, "/obs", observe=0).opt.observe is not None
    client.notification()
    assert code(client.ask(POST, "/obs-reset", b"sesame", token=b"r")) == "2.04"
    client.silence(6)
    assert client.ask(GET, "/obs", observe=0).opt.observe is not None
    # A reset ends it.
    told = client.receive()
    client.reply(told, RST)
    client.silence(6)
    for change, outcome in [
        (dict(code=PUT, payload=b"other", content_format=41), "4.06"), (dict(code=PUT, payload=b"new", content_format=0), "2.05"),
        (dict(code=DELETE), "4.04"),
    ]:
        first = client.ask(GET, "/obs", observe=0)
        assert first.opt.observe is not None and first.opt.content_format == 0
        changing = Client(port)
        changing.ask(change.pop("code"), "/obs", **change)
        told = client.notification()
        assert (told.mtype, code(told)) == (CON, outcome) and (told.opt.observe is not None) == (outcome == "2.05")
        if outcome == "2.05":
            assert told.payload == b"new" and told.opt.content_format == 0
            client.ask(GET, "/obs", observe=1)
        else:
            client.silence(5.5)


def test_obs_04_13_14_by_our_client(port):
    probe = ROOT / ".build/debug/coap-probe"

    def observe(path):
        done = subprocess.run(
            [probe, "get", f"coap://127.0.0.1:{port}{path}", "--observe", "3", "--block", "256"], capture_output=True,
            text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return len(done.stdout)

    def observe_through_a_restart():
        program = subprocess.Popen(
            [probe, "get", f"coap://127.0.0.1:{port}/obs", "--observe", "4"], stdout=subprocess.PIPE, text=True)
        time.sleep(7)
        assert code(Client(port).ask(POST, "/obs-reset", b"sesame")) == "2.04"
        # Max-Age 5 s, and 5 to 15 more: it registers again, and is told of two more states.
        assert len(program.communicate(timeout=60)[0].split()) == 4
        assert program.returncode == 0

    with concurrent.futures.ThreadPoolExecutor() as pool:
        mixed = pool.submit(observe, "/obs-pumping")
        # Each of the three states to its last byte; of the others one or two are large.
        assert observe("/obs-large") > 3 * 1280
        assert 1280 < mixed.result() < 3 * 1280
    observe_through_a_restart()


@pytest.mark.parametrize("filters, paths", [
    ((), None), (("rt=Type1",), ["/link1", "/link3"]), (("rt=*",), None), (("rt=Type2",), ["/link1", "/link2"]),
    (("if=If*",), ["/link1", "/link2"]), (("sz=*",), ["/large", "/large-update"]), (("href=/link1",), ["/link1"]),
    (("href=/link*",), ["/link1", "/link2", "/link3"]), (("ct=40",), ["/path"]),
    (("rt=Type1", "if=foo"), ["/link3"]),
])
def test_link_01_to_09(port, filters, paths):
    client = Client(port)
    got = client.ask(GET, "/.well-known/core", uri_query=filters)
    assert code(got) == "2.05" and got.opt.content_format == 40
    links = got.payload.decode().split(",")
    named = [link.split(">")[0][1:] for link in links]
    if paths is not None:
        assert named == paths
    elif filters:
        assert links and all(";rt=" in link for link in links)
    else:
        assert {"/test", "/link1", "/path", "/obs", "/large"} <= set(named)
        listed = client.ask(GET, "/path")
        assert listed.opt.content_format == 40 and b"</path/sub1>" in listed.payload
        assert client.ask(GET, "/path/sub1").payload == b"/path/sub1"
