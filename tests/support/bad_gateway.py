"""A websocket gateway on loopback that misbehaves: each mode has a port of its own.

    with BadGateway("server.pem", "server.key", "wrong_accept") as gateway:
        ... wss://localhost:PORT/ is gateway.url("wrong_accept")

    bad_gateway.py CERTIFICATE KEY MODE...        prints {"wrong_accept": PORT, ...} on one line and serves until stdin ends

Standard library only. The websocket frames are made by hand, so that they can be wrong."""

import base64
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, mask=None, rsv=0):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    masked = 0x80 if mask else 0
    if len(payload) < 126:
        header = struct.pack(">BB", first, masked | len(payload))
    elif len(payload) < 65536:
        header = struct.pack(">BBH", first, masked | 126, len(payload))
    else:
        header = struct.pack(">BBQ", first, masked | 127, len(payload))
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return header + (mask or b"") + payload


class Peer:
    """One connection, as the modes see it."""

    def __init__(self, gateway, raw, context):
        self.gateway = gateway
        self.raw = raw
        self.context = context
        self.stream = None
        self.pending = b""
        self.request = b""

    def start_tls(self):
        self.stream = self.context.wrap_socket(self.raw, server_side=True)

    def send(self, data):
        self.stream.sendall(data)

    def receive(self, size):
        """Exactly `size` bytes; EOFError at the end."""
        while len(self.pending) < size:
            more = self.stream.recv(65536)
            if not more:
                raise EOFError
            self.pending += more
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def read_request(self):
        while b"\r\n\r\n" not in self.request:
            more = self.stream.recv(65536)
            if not more:
                raise EOFError
            self.request += more
        self.request, _, self.pending = self.request.partition(b"\r\n\r\n")
        self.gateway.requests.append(self.request.decode("latin-1"))

    def header(self, name):
        for line in self.request.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return b""

    def accept(self):
        return base64.b64encode(hashlib.sha1(self.header(b"Sec-WebSocket-Key") + GUID).digest())

    def answer(self, *more, accept=None, upgrade=b"websocket", connection=b"Upgrade"):
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: " + upgrade, b"Connection: " + connection]
        lines += [b"Sec-WebSocket-Accept: " + (self.accept() if accept is None else accept)] if accept != b"" else []
        return b"\r\n".join(lines + list(more)) + b"\r\n\r\n"

    def open(self):
        self.start_tls()
        self.read_request()
        self.send(self.answer())

    def next_frame(self):
        """(opcode, payload) of the client's next frame; fails unless it is masked and whole."""
        first, second = self.receive(2)
        if not second & 0x80 or not first & 0x80 or first & 0x70:
            raise ValueError("a client's frame must be masked, whole, and without reserved bits")
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.receive(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.receive(8))[0]
        mask = self.receive(4)
        payload = self.receive(size)
        if size:
            key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
            payload = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
        return first & 0x0F, payload

    def reset(self):
        self.raw_socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw_socket().close()

    def raw_socket(self):
        return self.stream or self.raw  # wrapping it took the descriptor over

    def wait_for_end(self):
        """Reads and throws away until the client goes."""
        while self.stream.recv(65536):
            pass

    def stall(self):
        self.gateway.stopped.wait(60)


# ---- before and during the upgrade ----


def mode_not_tls(peer):
    peer.raw.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    peer.raw.recv(65536)


def mode_stall_tls(peer):
    peer.stall()


def mode_reset_at_once(peer):
    peer.reset()


def mode_close_at_once(peer):
    peer.start_tls()


def mode_close_after_request(peer):
    peer.start_tls()
    peer.read_request()


def mode_reset_after_request(peer):
    peer.start_tls()
    peer.read_request()
    peer.reset()


def mode_stall(peer):
    peer.start_tls()
    peer.read_request()
    peer.stall()


def mode_speak_first(peer):
    peer.start_tls()
    peer.send(b"hello\r\n")
    peer.stall()


def mode_stale(peer):
    """The first connection is closed while it waits for its upgrade; later ones echo."""
    if peer.gateway.count_connection("stale") == 1:
        peer.start_tls()
        time.sleep(0.15)
    else:
        mode_echo(peer)


def mode_stale_request(peer):
    """The first connection takes the request and closes without an answer; later ones echo."""
    if peer.gateway.count_connection("stale_request") == 1:
        mode_close_after_request(peer)
    else:
        mode_echo(peer)


def answering(make_answer, then_close=False):
    def mode(peer):
        peer.start_tls()
        peer.read_request()
        peer.send(make_answer(peer))
        if not then_close:
            peer.stall()

    return mode


def status(line, body=b""):
    return answering(lambda peer: b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (line, len(body), body))


def mode_endless_header(peer):
    peer.start_tls()
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    while not peer.gateway.stopped.is_set():
        peer.send(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 10)


# ---- on an open websocket ----


def mode_echo(peer):
    peer.open()
    while True:
        opcode, payload = peer.next_frame()
        if opcode in (TEXT, BINARY):
            peer.send(frame(opcode, payload))
        elif opcode == PING:
            peer.send(frame(PONG, payload))
        elif opcode == CLOSE:
            peer.send(frame(CLOSE, payload))
            return


def mode_trickle(peer):
    """Echo, one byte in each TLS record, in fragments, with pings between, and in text frames."""
    peer.start_tls()
    peer.read_request()

    def trickle(data):
        for at in range(len(data)):
            peer.send(data[at : at + 1])

    trickle(peer.answer())
    while True:
        opcode, payload = peer.next_frame()
        if opcode in (TEXT, BINARY):
            middle = len(payload) // 2
            trickle(frame(TEXT, payload[:middle], fin=False) + frame(PING, b"between") + frame(CONTINUATION, payload[middle:]))
        elif opcode == CLOSE:
            trickle(frame(CLOSE, payload))
            return


def mode_coalesced(peer):
    """The first messages come in the same record as the 101."""
    peer.start_tls()
    peer.read_request()
    peer.send(peer.answer() + frame(BINARY, b"first") + frame(PING, b"?") + frame(BINARY, b"second"))
    opcode, payload = peer.next_frame()
    peer.send(frame(BINARY, b"pong was %d %s" % (opcode, payload)))
    peer.wait_for_end()


def mode_acknowledge(peer):
    """A message of 250 bytes, in a record of its own, for each message: the service's side of an upload."""
    peer.open()
    answer = frame(BINARY, b"a" * 250)
    while True:
        opcode, payload = peer.next_frame()
        if opcode == CLOSE:
            peer.send(frame(CLOSE, payload))
            return
        peer.send(answer)


def mode_source(peer):
    """Sends 1144-byte messages, each in a record of its own, as fast as it can, until the client goes."""
    peer.open()
    message = frame(BINARY, bytes(range(256)) * 4 + b"x" * 120)
    while True:
        peer.send(message)


def mode_deaf(peer):
    """Never reads after the upgrade."""
    peer.open()
    peer.stall()


def sending(data):
    def mode(peer):
        peer.open()
        peer.send(data)
        peer.wait_for_end()

    return mode


def mode_ping_flood(peer):
    peer.open()
    pings = frame(PING, b"x" * 100) * 50
    while not peer.gateway.stopped.is_set():
        peer.send(pings)


def mode_few_pings(peer):
    """Twenty pings at once; a message once the last one is answered."""
    peer.open()
    peer.send(b"".join(frame(PING, b"ping %d" % i) for i in range(20)))
    while peer.next_frame() != (PONG, b"ping 19"):
        pass
    peer.send(frame(BINARY, b"the last pong came"))
    peer.wait_for_end()


def mode_drop(peer):
    """Echoes one message and is gone, without a close frame and without close_notify."""
    peer.open()
    _, payload = peer.next_frame()
    peer.send(frame(BINARY, payload))
    time.sleep(0.1)
    peer.stream.close()


def mode_reset(peer):
    peer.open()
    peer.next_frame()
    peer.reset()


def mode_never_answers_close(peer):
    peer.open()
    while peer.next_frame()[0] != CLOSE:
        pass
    peer.stall()


MODES = {name[5:]: function for name, function in list(globals().items()) if name.startswith("mode_")}
MODES.update(
    status_200=status(b"200 OK", b"hello"),
    status_302=status(b"302 Found"),
    status_403=status(b"403 Forbidden", b"<html>"),
    status_429=status(b"429 Too Many Requests"),
    status_503=status(b"503 Service Unavailable"),
    not_http=answering(lambda peer: b"SSH-2.0-OpenSSH_9.2\r\n"),
    half_answer=answering(lambda peer: peer.answer()[:40], then_close=True),
    no_accept=answering(lambda peer: peer.answer(accept=b"")),
    wrong_accept=answering(lambda peer: peer.answer(accept=b"AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
    two_accepts=answering(lambda peer: peer.answer(b"Sec-WebSocket-Accept: " + peer.accept())),
    wrong_upgrade=answering(lambda peer: peer.answer(upgrade=b"h2c")),
    wrong_connection=answering(lambda peer: peer.answer(connection=b"close")),
    extension=answering(lambda peer: peer.answer(b"Sec-WebSocket-Extensions: permessage-deflate")),
    subprotocol=answering(lambda peer: peer.answer(b"Sec-WebSocket-Protocol: chat")),
    garbage=sending(b"\xff\x13\x37" * 100),
    oversized_header=sending(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" + b"x" * 100),
    oversized_message=sending(frame(BINARY, b"x" * 200000)),
    masked=sending(frame(BINARY, b"hello", mask=b"\x01\x02\x03\x04")),
    reserved_bit=sending(frame(BINARY, b"hello", rsv=4)),
    thousand_fragments=sending(frame(BINARY, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * 998 + frame(CONTINUATION, b"x")),
    empty_fragments=sending(frame(BINARY, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 5000),
    close_1000=sending(frame(CLOSE, struct.pack(">H", 1000) + b"session over")),
    close_1001_after_message=sending(frame(BINARY, b"last words") + frame(CLOSE, struct.pack(">H", 1001))),
    close_without_code=sending(frame(CLOSE)),
    close_half_code=sending(frame(CLOSE, b"\x03")),
    close_1006=sending(frame(CLOSE, struct.pack(">H", 1006))),
)


class BadGateway:
    def __init__(self, certificate, key, *modes):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.stopped = threading.Event()
        self.requests = []  # the upgrade requests that came, each as text without its blank line
        self.connections = {}  # how many came, by mode
        self.lock = threading.Lock()
        self.listeners = {}
        for mode in modes:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.listeners[mode] = listener
            threading.Thread(target=self._listen, args=(mode, listener), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopped.set()
        for listener in self.listeners.values():
            listener.close()

    def port(self, mode):
        return self.listeners[mode].getsockname()[1]

    def url(self, mode, path="/"):
        return "wss://localhost:%d%s" % (self.port(mode), path)

    def count_connection(self, key):
        with self.lock:
            self.connections[key] = self.connections.get(key, 0) + 1
            return self.connections[key]

    def _listen(self, mode, listener):
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            if not mode.startswith("stale"):
                self.count_connection(mode)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(mode, raw), daemon=True).start()

    def _serve(self, mode, raw):
        peer = Peer(self, raw, self.context)
        try:
            MODES[mode](peer)
            if peer.stream and peer.stream.fileno() >= 0:
                peer.stream.unwrap()  # close_notify
        except (OSError, EOFError):
            pass  # the client has gone, which is its right
        finally:
            peer.raw_socket().close()


def main():
    certificate, key, *modes = sys.argv[1:]
    with BadGateway(certificate, key, *(modes or MODES)) as gateway:
        print(json.dumps({mode: gateway.port(mode) for mode in gateway.listeners}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
