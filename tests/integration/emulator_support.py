"""A small client and agent of Session Manager for the tests of ssm-lab, written from the protocol alone: standard library
only, nothing shared with the C sources."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest
import urllib.parse
import uuid

from loopback import bind_loopback
from workspace import program

# For what takes a fraction of a second: a test that fails is not to hang, and one on a busy machine not to fail.
PATIENCE_SECONDS = 60

NODE = "i-0123456789abcdef0"
OFFLINE = "i-0badbadbadbadbad0"
STOPPED = "i-05105105105105100"
HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE, OUTPUT, FLAG = 5, 6, 7, 1, 10


# ---- the process under test ----

class Lab:
    """ssm-lab as a child; it ends with this process."""

    def __init__(self, *options):
        command = [program("ssm-lab"), "--exit-with-parent", str(os.getpid()), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("ssm-lab did not start")
        self.describe(json.loads(line))

    def describe(self, ready):
        """`ready` is what a lab says about itself when it is."""
        self.ready = ready
        self.region = self.ready["region"]
        self.keys = {"access_key_id": self.ready["access_key_id"],
                     "secret_access_key": self.ready["secret_access_key"]}
        self.context = ssl.create_default_context(cafile=self.ready["ca_file"])
        self.api_address = urllib.parse.urlsplit(self.ready["api_url"])
        self.gateway_address = urllib.parse.urlsplit(self.ready["gateway_url"])

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        assert code == 0, f"ssm-lab ended with {code}"

    def connect(self, address):
        plain = socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS)
        return self.context.wrap_socket(plain, server_hostname=address.hostname)

    def http(self, address, method, path, body=b"", headers=None):
        connection = http.client.HTTPSConnection(address.hostname, address.port, context=self.context, timeout=PATIENCE_SECONDS)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict((k.lower(), v) for k, v in response.getheaders()), data

    def signed(self, address, method, path, body, service, headers, keys=None, **options):
        headers = sign(method, address.netloc, path, body, service, headers, keys or self.keys, self.region, **options)
        return self.http(address, method, path, body, headers)

    def api(self, operation, body, keys=None, prefix="AmazonSSM.", service="ssm", **options):
        """(HTTP status, error type or "", decoded body)"""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": prefix + operation}
        status, _, data = self.signed(self.api_address, "POST", "/", json.dumps(body).encode(), service, headers, keys,
                                      **options)
        answer = json.loads(data)
        return status, answer.get("__type", ""), answer

    def must(self, operation, body, **options):
        status, kind, answer = self.api(operation, body, **options)
        assert status == 200, (operation, status, answer)
        return answer

    def status(self):
        return json.loads(self.http(self.api_address, "GET", "/lab/status")[2])

    def faults(self, **faults):
        status, _, data = self.http(self.api_address, "POST", "/lab/faults", json.dumps(faults).encode())
        assert status == 200, data

    def terminate(self, session_id, output):
        status, _, data = self.http(self.api_address, "POST", "/lab/terminate",
                                    json.dumps({"session_id": session_id, "output": output}).encode())
        assert status == 200, data

    def session(self, session_id):
        return next(s for s in self.status()["sessions"] if s["id"] == session_id)

    def start(self, port, target=NODE, document="AWS-StartSSHSession", **parameters):
        values = {"portNumber": [str(port)], **{k: [v] for k, v in parameters.items()}}
        return self.must("StartSession", {"Target": target, "DocumentName": document, "Parameters": values})


def wait_for(what, condition, seconds=PATIENCE_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain for " + what)


# ---- Signature Version 4 ----

def sign(method, host, path, body, service, headers, keys, region, offset=0, unsigned=(), break_signature=False,
         rsa_key=None, scope_service=None, scope_region=None):
    """The headers with Authorization. `offset` moves the clock, `unsigned` are left out of the signature."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    region, service = scope_region or region, scope_service or service
    headers = dict(headers, host=host)
    headers["x-amz-date"] = stamp
    if keys.get("session_token"):
        headers["x-amz-security-token"] = keys["session_token"]
    names = sorted(name for name in headers if name not in unsigned)
    location, _, query = path.partition("?")
    query = "&".join(sorted("=".join(urllib.parse.quote(part, safe="-_.~") for part in (pair.split("=", 1) + [""])[:2])
                            for pair in query.split("&") if pair))
    canonical = "\n".join([method, urllib.parse.quote(location, safe="/-_.~"), query,
                           "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names), ";".join(names),
                           hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    if rsa_key:
        signature = rsa_sign(rsa_key, text)
    else:
        key = ("AWS4" + keys["secret_access_key"]).encode()
        for part in (stamp[:8], region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if break_signature:
        signature = ("0" if signature[0] != "0" else "1") + signature[1:]
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={keys['access_key_id']}/{scope}, "
                                f"SignedHeaders={';'.join(names)}, Signature={signature}")
    return headers


def rsa_sign(key_file, text):
    """RSA-PSS with SHA-256 and a salt of 32 bytes, by the openssl program."""
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                "rsa_pss_saltlen:32", "-sign", key_file], input=text.encode(), capture_output=True,
                               check=True).stdout
    return base64.b64encode(signature).decode()


# ---- websocket ----

class Closed(Exception):
    """The peer is gone; the argument is the code of its Close frame, or None."""


class Refused(Exception):
    """The upgrade was answered with another status."""


class WebSocket:
    """Client side. Messages may be cut into fragments, as Go's library does above 4096 bytes."""

    def __init__(self, lab, path, headers=None, fragment=4096):
        address = lab.gateway_address
        self.socket = lab.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fragment = fragment
        self.buffer = b""
        self.pongs = []
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}", "User-Agent: Go-http-client/1.1",
                 "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items() if name != "host"]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._read_some()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        if status != 101:
            self.socket.close()
            raise Refused(status)
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        head = head.lower()
        assert b"sec-websocket-accept: " + accept.lower() in head, head
        assert b"sec-websocket-extensions" not in head and b"sec-websocket-protocol" not in head, head

    def _read_some(self):
        try:
            data = self.socket.recv(65536)
        except (ssl.SSLError, ConnectionError) as error:
            raise Closed(None) from error
        if not data:
            raise Closed(None)
        return data

    def _frame(self, opcode, payload, final=True):
        mask = os.urandom(4)
        head = bytes([(0x80 if final else 0) | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack("!BH", 0x80 | 126, len(payload))
        else:
            head += struct.pack("!BQ", 0x80 | 127, len(payload))
        repeated = (mask * (len(payload) // 4 + 1))[:len(payload)]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
        return head + mask + masked

    def send(self, payload, opcode=2):
        pieces = [payload[i:i + self.fragment] for i in range(0, len(payload), self.fragment)] or [b""]
        for i, piece in enumerate(pieces):
            self.socket.sendall(self._frame(opcode if i == 0 else 0, piece, i == len(pieces) - 1))

    def send_text(self, message):
        self.send(json.dumps(message).encode(), 1)

    def ping(self, payload=b"keepalive"):
        self.socket.sendall(self._frame(9, payload))

    def recv(self, seconds=PATIENCE_SECONDS):
        """The next message. Closed at the end; TimeoutError when nothing comes."""
        self.socket.settimeout(seconds)
        message = b""
        while True:
            opcode, final, payload = self._recv_frame()
            if opcode == 10:
                self.pongs.append(payload)
            elif opcode == 8:
                raise Closed(struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005)
            elif opcode in (0, 1, 2):
                message += payload
                if final:
                    return message
            else:
                raise AssertionError(f"opcode {opcode}")

    def _need(self, count):
        while len(self.buffer) < count:
            self.buffer += self._read_some()

    def _recv_frame(self):
        self._need(2)
        first, second = self.buffer[0], self.buffer[1]
        assert first & 0x70 == 0 and second & 0x80 == 0, "reserved bits or a mask from the server"
        size, at = second & 127, 2
        if size == 126:
            self._need(4)
            size, at = struct.unpack("!H", self.buffer[2:4])[0], 4
        elif size == 127:
            self._need(10)
            size, at = struct.unpack("!Q", self.buffer[2:10])[0], 10
        self._need(at + size)
        payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return first & 15, first & 0x80 != 0, payload

    def drop(self):
        """Hangs up as Go does: no Close frame."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


# ---- agent messages ----

class Message:
    """One agent message. Fields as on the wire; `id` is the text form of the UUID."""

    def __init__(self, kind, payload=b"", sequence=0, flags=0, payload_type=0, message_id=None):
        self.kind, self.payload, self.sequence, self.flags = kind, payload, sequence, flags
        self.payload_type, self.id = payload_type, message_id or str(uuid.uuid4())
        self.header_length = 116

    def encode(self):
        octets = uuid.UUID(self.id).bytes
        head = struct.pack("!I32sIQqQ", 116, self.kind.encode().ljust(32), 1, int(time.time() * 1000), self.sequence,
                           self.flags)
        return (head + octets[8:] + octets[:8] + hashlib.sha256(self.payload).digest() +
                struct.pack("!II", self.payload_type, len(self.payload)) + self.payload)

    @staticmethod
    def decode(wire):
        header_length, kind, schema, created, sequence, flags = struct.unpack("!I32sIQqQ", wire[:64])
        assert header_length in (112, 116) and schema == 1 and created != 0, wire[:64]
        octets = wire[72:80] + wire[64:72]
        padding = b"\0" if header_length == 112 else b" "
        name = kind.rstrip(padding)
        assert name.isascii() and name.replace(b"_", b"").isalpha(), kind
        payload_type = struct.unpack("!I", wire[112:116])[0] if header_length == 116 else 0
        length = struct.unpack("!I", wire[header_length:header_length + 4])[0]
        payload = wire[header_length + 4:]
        assert length == len(payload)
        assert wire[80:112] == hashlib.sha256(payload).digest(), "digest"
        message = Message(name.decode(), payload, sequence, flags, payload_type, str(uuid.UUID(bytes=octets)))
        message.header_length = header_length
        return message

    def json(self):
        return json.loads(self.payload)


def acknowledge(message):
    payload = json.dumps({"AcknowledgedMessageType": message.kind, "AcknowledgedMessageId": message.id,
                          "AcknowledgedMessageSequenceNumber": message.sequence, "IsSequentialMessage": True},
                         separators=(",", ":")).encode()
    return Message("acknowledge", payload, flags=3)


# ---- the client of a session ----

class Client:
    """Tiny and patient: it acknowledges everything, and resends only when told to."""

    def __init__(self, lab, session, connect=True):
        self.lab, self.session = lab, session
        self.client_id = str(uuid.uuid4())
        self.sent = 0
        self.expected = 0
        self.output = b""
        self.acknowledged = []
        self.ack_duplicates = True
        self.is_strict = True
        self.duplicates = 0
        self.published = []
        self.closed = None  # payload of channel_closed
        self.handshakes = []
        self.version = "1.2.650.0"
        if connect:
            self.connect()

    def connect(self, token=None, path=None):
        url = urllib.parse.urlsplit(self.session["StreamUrl"])
        assert url.scheme == "wss"
        self.websocket = WebSocket(self.lab, path or self.session["StreamUrl"].split(url.netloc, 1)[1])
        self.websocket.ping()  # the real plugin sends one at once, before or after its first message
        self.websocket.send_text({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()),
                                  "TokenValue": token or self.session["TokenValue"], "ClientId": self.client_id,
                                  "ClientVersion": self.version})

    def resume(self):
        answer = self.lab.must("ResumeSession", {"SessionId": self.session["SessionId"]})
        self.session["TokenValue"] = answer["TokenValue"]
        self.connect()

    def send(self, payload, payload_type=OUTPUT, sequence=None):
        """Returns the message, so that a test can send it again."""
        message = Message("input_stream_data", payload, self.sent if sequence is None else sequence, 0, payload_type)
        if sequence is None:
            self.sent += 1
        self.websocket.send(message.encode())
        return message

    def step(self, seconds=PATIENCE_SECONDS):
        """Receives one message and does what a client does with it."""
        return self.take(Message.decode(self.websocket.recv(seconds)))

    def take(self, message):
        if message.kind == "acknowledge":
            self.acknowledged.append(message.json()["AcknowledgedMessageSequenceNumber"])
            assert message.json()["AcknowledgedMessageType"] == "input_stream_data" and message.flags == 3
        elif message.kind == "output_stream_data":
            self._stream(message)
        elif message.kind in ("start_publication", "pause_publication"):
            assert message.header_length == 112
            self.published.append(message.kind)
        elif message.kind == "channel_closed":
            assert message.header_length == 112
            self.closed = message.json()
            assert self.closed["SessionId"] == self.session["SessionId"]
        else:
            raise AssertionError("unexpected " + message.kind)
        return message

    def _stream(self, message):
        is_new = message.sequence == self.expected
        if message.sequence > self.expected:
            assert not self.is_strict, "the emulator lost or reordered by itself"
            return  # it comes again, since it is not acknowledged
        if is_new or self.ack_duplicates:
            self.websocket.send(acknowledge(message).encode())
        if not is_new:
            self.duplicates += 1
            return
        self.expected += 1
        if message.payload_type == OUTPUT:
            self.output += message.payload
        else:
            self.handshakes.append(message)

    def until(self, what, condition, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            assert left > 0, "waited in vain for " + what
            try:
                self.step(left)
            except TimeoutError:
                pass

    def handshake(self, properties=None):
        self.until("the handshake request", lambda: len(self.handshakes) == 1)
        request = self.handshakes[0]
        assert request.payload_type == HANDSHAKE_REQUEST and request.sequence == 0 and request.flags == 1
        action = request.json()["RequestedClientActions"][0]
        assert action["ActionType"] == "SessionType"
        assert action["ActionParameters"]["SessionType"] == "Port"
        if properties:
            assert action["ActionParameters"]["Properties"] == properties, action
        self.send(self.response(), HANDSHAKE_RESPONSE)
        self.until("HandshakeComplete", lambda: len(self.handshakes) == 2)
        complete = self.handshakes[1]
        assert complete.payload_type == HANDSHAKE_COMPLETE and complete.flags == 0
        assert isinstance(complete.json()["HandshakeTimeToComplete"], int)
        self.until("the acknowledgement of the response", lambda: 0 in self.acknowledged)
        return self

    def response(self, status=1, error=""):
        return json.dumps({"ClientVersion": self.version, "ProcessedClientActions": [
            {"ActionType": "SessionType", "ActionStatus": status, "ActionResult": None, "Error": error}],
            "Errors": None}).encode()

    def until_acknowledged(self, message, seconds=PATIENCE_SECONDS):
        """Sends it again every 200 ms, as a client does."""
        end = time.monotonic() + seconds
        while message.sequence not in self.acknowledged:
            assert time.monotonic() < end, f"message {message.sequence} was never acknowledged"
            try:
                self.step(0.2)
            except TimeoutError:
                self.websocket.send(message.encode())

    def until_closed(self, seconds=PATIENCE_SECONDS):
        """Receives to the end of the connection; returns the code of the Close frame."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.step(end - time.monotonic() + 0.01)
            except Closed as closed:
                return closed.args[0]
        raise AssertionError("the gateway did not close")


# ---- targets ----

class Target:
    """A TCP server on 127.0.0.1. `serve` gets each accepted socket, in a thread of its own."""

    def __init__(self, serve=None):
        self.listener, self.holder = bind_loopback()
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.serve = serve or echo
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()
        self.holder.close()


def echo(connection):
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except ConnectionError:
            pass


def unused_port():
    ipv4, ipv6 = bind_loopback()
    with ipv4, ipv6:
        return ipv4.getsockname()[1]


# ---- tests ----

class EmulatorCase(unittest.TestCase):
    """A lab for each test. It must end cleanly: with a sanitizer, nothing leaked."""

    maxDiff = None
    options = ("--seed", "1")

    def setUp(self):
        self.lab = Lab(*self.options)
        self.addCleanup(self.lab.stop)

    def target(self, serve=None):
        target = Target(serve)
        self.addCleanup(target.close)
        return target

    def client(self, port=None, **options):
        """A client past its handshake, by default of a target that echoes."""
        return Client(self.lab, self.lab.start(port or self.target().port, **options)).handshake()

    def counters(self):
        return self.lab.status()["counters"]

    def status_of(self, client):
        return self.lab.session(client.session["SessionId"])["status"]

    def assert_fails(self, answer, status, kind, *words):
        self.assertEqual(answer[:2], (status, kind), answer)
        for word in words:
            self.assertIn(word, answer[2]["message"])
