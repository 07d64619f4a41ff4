"""Relays datagrams on the loopback interface and keeps those of one direction, in the order in which they were sent."""

import selectors
import socket
import threading

UP, DOWN = "up", "down"


class Recorder:
    """From whoever sends to `address`, to the gateway's side at `target`, and back."""

    def __init__(self, target, keeps, seen=None):
        """`keeps`: UP or DOWN. `seen` is called with each kept datagram before it goes on."""
        host, port = target.rsplit(":", 1)
        self.target, self.keeps, self.seen = (host, int(port)), keeps, seen or (lambda datagram: None)
        self.datagrams = []
        self.problem = None
        self.selector = selectors.DefaultSelector()
        self.front = self._socket()
        self.front.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.front.getsockname()[1]
        self.selector.register(self.front, selectors.EVENT_READ, None)
        self.backs = {}
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @staticmethod
    def _socket():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        return made

    def stop(self):
        self.ends.set()
        self.thread.join(5)
        for one in (self.front, *self.backs.values()):
            one.close()
        if self.problem:
            raise self.problem

    def _run(self):
        try:
            while not self.ends.is_set():
                for key, _ in self.selector.select(0.1):
                    self._take(key.fileobj, key.data)
        except Exception as error:  # told to whoever stops it
            self.problem = error

    def _take(self, source, client):
        while True:
            try:
                datagram, sender = source.recvfrom(65_536)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # nobody listens there just now
            direction = UP if client is None else DOWN
            if direction == self.keeps:
                self.datagrams.append(datagram)
                self.seen(datagram)
            try:
                if client is None:
                    self._back(sender).send(datagram)
                else:
                    self.front.sendto(datagram, client)
            except OSError:
                pass  # lost, as on any link

    def _back(self, client):
        if client not in self.backs:
            back = self._socket()
            back.connect(self.target)
            self.selector.register(back, selectors.EVENT_READ, client)
            self.backs[client] = back
        return self.backs[client]
