"""Our CoAP against others': libcoap's client and server, aiocoap's client and server, with and without loss.

Debian's libcoap (4.3.1) knows no Q-Block: SOTTO_LIBCOAP names a folder with `coap-client` and `coap-server` of a build that does
(4.3.2 and newer), and the tests of RFC 9177 run too."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import socket
import subprocess

import aiocoap
import aiocoap.resource
import pytest

from processes import Program, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEBUG = ROOT / ".build/debug"
LOSS = pytest.mark.parametrize("loss", [0, 10])
BODY = "".join(chr(97 + i % 26) for i in range(4000))


def started(command, ready=None):
    program = Program(pathlib.Path(command[0]).name, command)
    if ready:
        program.wait_line(ready, 20)
    return program


@contextlib.contextmanager
def our_server(*arguments):
    port = free_port(socket.SOCK_DGRAM)
    program = started([DEBUG / "coap-conformance-server", "--port", port, *arguments], "ready")
    try:
        yield f"coap://127.0.0.1:{port}"
    finally:
        program.stop()


@pytest.fixture(scope="module")
def ours():
    with our_server() as uri:
        yield uri


def libcoap(uri, *arguments, loss=0, seconds=90):
    """What coap-client-notls prints: the body, then a line feed."""
    lossy = ["-l", f"{loss}%"] if loss else []
    done = subprocess.run(
        ["coap-client-notls", "-B", str(seconds), *lossy, *map(str, arguments), uri], capture_output=True, text=True,
        timeout=seconds + 30)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n"), done.stderr


def probe(method, uri, *arguments, expect=0, loss=0, seconds=300):
    done = subprocess.run(
        [DEBUG / "coap-probe", method, uri, "--loss", str(loss), *map(str, arguments)], capture_output=True, text=True,
        timeout=seconds)
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr.strip()


# libcoap's client, our server.


@LOSS
def test_libcoap_requests_of_each_method(ours, loss):
    assert libcoap(f"{ours}/test", "-m", "put", "-e", f"put {loss}", loss=loss)[0] == ""
    assert libcoap(f"{ours}/test", loss=loss)[0] == f"put {loss}"
    said = "".join(libcoap(f"{ours}/test", "-m", "post", "-e", "x", "-v", "6", loss=loss))
    assert "2.01" in said and "location3" in said
    assert "2.02" in "".join(libcoap(f"{ours}/test", "-m", "delete", "-v", "6", loss=loss))
    assert libcoap(f"{ours}/test", "-m", "fetch", "-e", "what is asked", loss=loss)[0] == "what is asked"
    assert "4.04" in "".join(libcoap(f"{ours}/nothing", loss=loss))
    assert "4.05" in "".join(libcoap(f"{ours}/time", "-m", "delete", loss=loss))


@LOSS
def test_libcoap_separate(ours, loss):
    assert libcoap(f"{ours}/separate", loss=loss)[0] == "that took a second"


@LOSS
def test_libcoap_unconfirmed(ours, loss):
    # What is not confirmed is sent once: lost requests stay lost, and none is answered by anything else.
    def ask(path, expected):
        answer = libcoap(f"{ours}{path}", "-N", loss=loss, seconds=4)[0]
        assert answer in ("", expected)
        return answer == expected

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(ask, ["/seg1/seg2/seg3"] * 20, ["/seg1/seg2/seg3"] * 20))
        separate = list(pool.map(ask, ["/separate"] * 8, ["that took a second"] * 8))
    assert sum(answered) >= (10 if loss else 20) and sum(separate) >= (3 if loss else 8)


@LOSS
def test_libcoap_blocks_both_ways(ours, loss, tmp_path):
    file = tmp_path / "body"
    file.write_text(BODY)
    for size in (1024, 256):
        libcoap(f"{ours}/large-update", "-m", "put", "-f", file, "-b", size, loss=loss)
        assert libcoap(f"{ours}/large-update", "-b", size, loss=loss)[0] == BODY
        answer, _ = libcoap(f"{ours}/large-post", "-m", "post", "-f", file, "-b", size, loss=loss)
        assert answer.startswith(BODY) and len(answer) > len(BODY) + 1200


@LOSS
def test_libcoap_observes(ours, loss):
    states, _ = libcoap(f"{ours}/obs", "-s", "12", loss=loss, seconds=25)
    # It prints one state after the other with nothing between: numbers that count up.
    digits = "".join(re.findall(r"\d", states))
    assert any(f"{n}{n + 1}" in digits for n in range(1000)), states


def test_libcoap_discovers(ours):
    links, _ = libcoap(f"{ours}/.well-known/core?rt=Type1")
    assert links == '</link1>;rt="Type1 Type2";if="If1",</link3>;rt="Type1 Type3";if="foo"'
    assert "/obs" in libcoap(f"{ours}/.well-known/core")[0]


# aiocoap's client, our server.


def run(coroutine, seconds=240):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


class Lossy(asyncio.DatagramProtocol):
    """Carries datagrams between whoever sends to it and one server, every tenth of them thrown away by a fixed rule."""

    def __init__(self, target, percent):
        self.target, self.percent, self.count, self.ways = target, percent, 0, {}

    def connection_made(self, transport):
        self.transport = transport

    def passes(self):
        self.count += 1
        return hashlib.sha256(str(self.count).encode()).digest()[0] >= 256 * self.percent / 100

    def datagram_received(self, data, address):
        if not self.passes():
            return
        if address not in self.ways:
            self.ways[address] = asyncio.ensure_future(self.way(address))
        asyncio.ensure_future(self.forward(address, data))

    async def way(self, address):
        relay = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data, _):
                if relay.passes():
                    relay.transport.sendto(data, address)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Back, remote_addr=self.target)
        return transport

    async def forward(self, address, data):
        (await self.ways[address]).sendto(data)


@contextlib.asynccontextmanager
async def lossy(uri, loss):
    """The URI by which `uri` is reached through so much loss in each direction."""
    if not loss:
        yield uri
        return
    port = int(uri.rsplit(":", 1)[1])
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Lossy(("127.0.0.1", port), loss), local_addr=("127.0.0.1", 0))
    try:
        yield f"coap://127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@LOSS
def test_aiocoap_client(ours, loss):
    async def talk():
        client = await aiocoap.Context.create_client_context()
        try:
            async with lossy(ours, loss) as uri:
                async def ask(code, path, payload=b"", **options):
                    message = aiocoap.Message(code=code, uri=f"{uri}{path}", payload=payload, **options)
                    return await client.request(message).response

                assert (await ask(aiocoap.PUT, "/test", b"by aiocoap")).code == aiocoap.CHANGED
                assert (await ask(aiocoap.GET, "/test")).payload == b"by aiocoap"
                created = await ask(aiocoap.POST, "/test", b"x")
                assert created.opt.location_path == ("location1", "location2", "location3")
                assert (await ask(aiocoap.DELETE, "/test")).code == aiocoap.DELETED
                assert (await ask(aiocoap.FETCH, "/test", b"asked")).payload == b"asked"
                assert (await ask(aiocoap.GET, "/separate")).payload == b"that took a second"
                assert (await ask(aiocoap.PUT, "/large-update", BODY.encode())).code == aiocoap.CHANGED
                assert (await ask(aiocoap.GET, "/large-update")).payload == BODY.encode()
                first = await ask(aiocoap.GET, "/validate")
                again = await ask(aiocoap.GET, "/validate", etags=[first.opt.etag])
                assert again.code == aiocoap.VALID and again.payload == b""
                observing = client.request(aiocoap.Message(code=aiocoap.GET, uri=f"{uri}/obs", observe=0))
                states = [(await observing.response).payload]
                async for state in observing.observation:
                    states.append(state.payload)
                    if len(states) == 3:
                        break
                assert len(set(states)) == 3
        finally:
            await client.shutdown()
    run(talk())


# Our client, libcoap's server.


@LOSS
def test_our_client_at_libcoap(loss):
    port = free_port(socket.SOCK_DGRAM)
    server = started(["coap-server-notls", "-A", "127.0.0.1", "-p", port, "-d", "10"])
    uri = f"coap://127.0.0.1:{port}"
    try:
        probe("ping", uri)
        assert "test server" in probe("get", f"{uri}/", loss=loss)[0]
        for _ in range(5 if loss else 1):
            assert probe("put", f"{uri}/example", "--size", "4000", loss=loss)[1] in ("2.01", "2.04")
            body, code = probe("get", f"{uri}/example", "--block", "256", loss=loss)
            # libcoap 4.3.1 remembers no requests: the last block, repeated since its answer got lost, is a new body to it.
            assert code == "2.05" and BODY.endswith(body)
            if body == BODY:
                break
        assert body == BODY
        assert probe("get", f"{uri}/async?2", loss=loss)[1] == "2.05"
        assert probe("delete", f"{uri}/example", loss=loss)[1] == "2.02"
        assert probe("get", f"{uri}/example", expect=1, loss=loss)[1] == "4.04"
        assert probe("post", f"{uri}/example", "--data", "x", loss=loss)[1] in ("2.01", "2.04")
        states, _ = probe("get", f"{uri}/time", "--observe", "3", loss=loss)
        # It counts seconds, and repeats what got lost with the newest: two may be of the same second.
        assert len(states.splitlines()) == 3 and len(set(states.splitlines())) >= 2
    finally:
        server.stop()


# Our client, an aiocoap server.


class Store(aiocoap.resource.ObservableResource):
    def __init__(self):
        super().__init__()
        self.body, self.ticks = b"", 0

    async def tick(self):
        while True:
            await asyncio.sleep(1)
            self.ticks += 1
            self.updated_state()

    async def render_get(self, request):
        if request.opt.observe is not None:
            return aiocoap.Message(payload=str(self.ticks).encode())
        return aiocoap.Message(payload=self.body)

    async def render_put(self, request):
        self.body = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_post(self, request):
        return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload[::-1])

    async def render_fetch(self, request):
        return aiocoap.Message(payload=request.payload)

    async def render_delete(self, request):
        self.body = b""
        return aiocoap.Message(code=aiocoap.DELETED)


class Slow(aiocoap.resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(2)
        return aiocoap.Message(payload=b"late")


@LOSS
def test_our_client_at_aiocoap(loss):
    async def serve():
        store = Store()
        site = aiocoap.resource.Site()
        site.add_resource(["store"], store)
        site.add_resource(["slow"], Slow())
        port = free_port(socket.SOCK_DGRAM)
        context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
        ticking = asyncio.ensure_future(store.tick())
        uri = f"coap://127.0.0.1:{port}"

        async def ask(*arguments, **options):
            return await asyncio.to_thread(probe, *arguments, loss=loss, **options)
        try:
            assert (await ask("put", f"{uri}/store", "--size", "4000"))[1] == "2.04"
            assert await ask("get", f"{uri}/store") == (BODY, "2.05")
            assert await ask("post", f"{uri}/store", "--size", "4000") == (BODY[::-1], "2.04")
            assert await ask("fetch", f"{uri}/store", "--data", "asked") == ("asked", "2.05")
            assert await ask("get", f"{uri}/slow") == ("late", "2.05")
            assert (await ask("delete", f"{uri}/store"))[1] == "2.02"
            assert (await ask("get", f"{uri}/nothing", expect=1))[1] == "4.04"
            states, _ = await ask("get", f"{uri}/store", "--observe", "3")
            assert len(set(states.splitlines())) == 3
        finally:
            ticking.cancel()
            await context.shutdown()
    run(serve())


# Bodies in blocks that nobody confirms one by one (RFC 9177), both ways with a libcoap that knows them.

LIBCOAP = pathlib.Path(os.environ.get("SOTTO_LIBCOAP", "/nowhere"))
QBLOCK = pytest.mark.skipif(not (LIBCOAP / "coap-client").exists(), reason="SOTTO_LIBCOAP names no newer libcoap")


def most_of(attempt, loss, least=3):
    """With loss not all of it comes to an end: nobody confirms the final answer, and libcoap's client gives up at the second 4.08
    to a block that got lost twice. What does is right."""
    done = [attempt() for _ in range(6 if loss else 2)]
    assert sum(done) >= (least if loss else len(done)), done


@QBLOCK
@LOSS
def test_libcoap_client_in_robust_blocks(ours, loss, tmp_path):
    file = tmp_path / "body"
    file.write_text(BODY)

    def talk(uri, *arguments):
        done = subprocess.run(
            [LIBCOAP / "coap-client", "-N", "-L", "5", "-b", "256", "-B", "60", "-v", "7", *map(str, arguments), uri],
            capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    async def through_loss():
        async with lossy(ours, loss) as uri:
            def up():
                said = "".join(talk(f"{uri}/large-update", "-m", "put", "-f", file))
                assert "Q-Block1:15" in said
                return "c:2.04" in said

            def down():
                body, log = talk(f"{uri}/large-update", "-o", "/dev/stdout")
                assert not loss or "Q-Block2" in body + log
                return BODY in body

            await asyncio.to_thread(most_of, up, loss, 1)
            probe("put", f"{ours}/large-update", "--size", "4000")
            await asyncio.to_thread(most_of, down, loss, 1)

    run(through_loss(), 900)


@QBLOCK
@LOSS
def test_our_client_in_robust_blocks_at_libcoap(loss):
    port = free_port(socket.SOCK_DGRAM)
    server = started([LIBCOAP / "coap-server", "-A", "127.0.0.1", "-p", port, "-d", "10", "-L", "5"])
    uri = f"coap://127.0.0.1:{port}/example"

    def attempt(method, *arguments):
        done = subprocess.run(
            [DEBUG / "coap-probe", method, uri, "--robust", "--block", "256", "--loss", str(loss), *arguments],
            capture_output=True, text=True, timeout=300)
        if method == "get" and done.returncode == 0:
            assert done.stdout == BODY
        # It refuses what lacks too many blocks by a 4.08.
        assert done.returncode in (0, 2) or "4.08" in done.stderr, done.stderr
        return done.returncode == 0

    try:
        probe("put", uri, "--data", "x")
        most_of(lambda: attempt("put", "--size", "4000"), loss)
        assert probe("get", uri)[0] == BODY
        most_of(lambda: attempt("get"), loss)
    finally:
        server.stop()


@LOSS
def test_robust_blocks_among_ourselves(ours, loss):
    def attempt():
        done = subprocess.run(
            [DEBUG / "coap-probe", "post", f"{ours}/large-post", "--size", "4000", "--robust", "--block", "256", "--loss",
             str(loss)], capture_output=True, text=True, timeout=300)
        assert done.returncode in (0, 2), done.stderr
        assert done.returncode == 2 or done.stdout.startswith(BODY) and len(done.stdout) == 5280
        return done.returncode == 0

    most_of(attempt, loss)


# The gateway's own port.


def test_the_gateways_port_does_not_answer_plain_coap(site):
    """There is nothing on it but the secure channel: nobody without a key gets a byte, whatever address he claims."""
    requests = ["40011001", "40001002", "40011003bb2e77656c6c2d6b6e6f776e04636f7265", "50011004", "480110050102030405060708",
                "40011006b474657374", "49011007010203040506070809", "40021008ff78", "4001100960", "401f100a"]
    before = site.status()["counters"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", site.udp_port))
        for request in requests * 3:
            stranger.send(bytes.fromhex(request))
        stranger.settimeout(2)
        with pytest.raises(socket.timeout):
            stranger.recv(65536)
    after = site.status()["counters"]
    assert after["droppedMalformed"] - before.get("droppedMalformed", 0) == 3 * len(requests)
    assert after["requests"] == before["requests"]


# Our client, our server, an unknown address.


def test_a_long_answer_is_for_those_who_prove_their_address():
    with our_server("--amplification-limit") as uri:
        port = int(uri.rsplit(":", 1)[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(5)
            stranger.connect(("127.0.0.1", port))
            stranger.send(bytes.fromhex("40011001") + b"\xb5large")
            answer = stranger.recv(2048)
            assert answer[1] == 0x81 and len(answer) <= 136
            assert answer[4:6] == bytes.fromhex("dcef")
            # Whatever is asked and however, nothing longer comes, and no state of an observation.
            stranger.settimeout(6)
            for request in ["40011102bb2e77656c6c2d6b6e6f776e04636f7265", "410111047460536f6273", "40011106b87365706172617465",
                            "40021105ba6c617267652d706f7374ff" + "78" * 60, "40011107b56c61726765d1070e"]:
                stranger.send(bytes.fromhex(request))
            count = 0
            with contextlib.suppress(socket.timeout):
                while True:
                    answer = stranger.recv(2048)
                    assert len(answer) <= 136 and answer[0] >> 4 & 3 != 0, answer
                    count += 1
            # One each, /separate's after its acknowledgement; nothing is repeated.
            assert count == 6
        # Who returns the value is served in full.
        assert len(probe("get", f"{uri}/large")[0]) == 1280
        assert probe("get", f"{uri}/test")[1] == "2.05"
        assert probe("put", f"{uri}/large-update", "--size", "4000")[1] == "2.04"
        assert probe("get", f"{uri}/large-update", "--block", "256")[0] == BODY
        assert len(probe("get", f"{uri}/obs", "--observe", "2")[0].split()) == 2
        assert probe("get", f"{uri}/separate")[0] == "that took a second"


def test_the_peers_are_there():
    assert shutil.which("coap-client-notls") and shutil.which("coap-server-notls"), "Scripts/setup installs libcoap3-bin"
