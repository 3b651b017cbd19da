"""Peers of ssm-lab that mean no good, or are broken: it must neither crash nor hang, and go on serving the others."""

import os
import random
import socket
import ssl
import struct
import subprocess

from emulator_support import FLAG, OUTPUT, Client, Closed, EmulatorCase, Message, WebSocket, wait_for
from workspace import program

SEED = int(os.environ.get("SSM_SEED") or random.SystemRandom().randrange(1 << 32))


class EmulatorHostileTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        print("seed %d (SSM_SEED)" % SEED)
        self.random = random.Random(SEED)

    def tls(self, address):
        plain = socket.create_connection((address.hostname, address.port), timeout=60)
        return self.lab.context.wrap_socket(plain, server_hostname=address.hostname)

    def talk(self, address, data, seconds=1):
        """What comes back; nothing when the lab hangs up or stays silent."""
        answer = b""
        try:
            with self.tls(address) as connection:
                connection.settimeout(seconds)
                connection.sendall(data)
                while piece := connection.recv(65536):
                    answer += piece
        except (OSError, ssl.SSLError):
            pass
        return answer

    def assert_serves(self):
        client = self.client()
        client.until_acknowledged(client.send(b"fine"))
        client.until("an echo", lambda: client.output == b"fine")
        client.send(struct.pack("!I", 2), FLAG)
        client.until_closed()

    def addresses(self):
        return self.lab.api_address, self.lab.gateway_address

    def test_no_tls_at_all(self):
        for address in self.addresses():
            for data in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", bytes(5000), b""):
                with socket.create_connection((address.hostname, address.port), timeout=2) as plain:
                    try:
                        plain.sendall(data)
                        plain.shutdown(socket.SHUT_WR)
                        while plain.recv(4096):
                            pass
                    except OSError:
                        pass
        self.assert_serves()

    def test_requests_that_are_none(self):
        upgrade = (b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
        for data in (b"\r\n" * 100, b"GET\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx",
                     b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + bytes(2000000),
                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                     b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /%zz HTTP/1.1\r\n\r\n",
                     b"GET /" + b"../" * 1000 + b" HTTP/1.1\r\n\r\n", b"GET /?" + b"&" * 3000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20000 + b"\r\n",
                     b"GET / HTTP/1.1\r\nHost: " + b"x" * 70000 + b"\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=, SignedHeaders=" +
                     b";".join(b"h%d" % i for i in range(1000)) + b", Signature=x\r\nContent-Length: 0\r\n\r\n",
                     b"GET /v1/data-channel/x HTTP/1.1\r\n" + upgrade.replace(b"13", b"99") + b"\r\n",
                     b"GET /v1/data-channel/x HTTP/1.1\r\n" + upgrade.replace(b"websocket", b"h2c") +
                     b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
                     b"GET /v1/data-channel/x HTTP/1.1\r\n" + upgrade +
                     b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
                     b"GET /v1/data-channel/" + b"x" * 4000 + b" HTTP/1.1\r\n" + upgrade + b"\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200):
            for address in self.addresses():
                self.assertNotIn(b" 101 ", self.talk(address, data, 0.3))
        self.assert_serves()

    def test_random_bytes_over_tls(self):
        for _ in range(60):
            data = self.random.randbytes(self.random.randrange(1, 3000))
            if self.random.random() < 0.5:
                data = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data
            self.talk(self.random.choice(self.addresses()), data, 0.1)
        self.assert_serves()

    def test_connections_that_say_nothing(self):
        silent = [self.tls(self.random.choice(self.addresses())) for _ in range(100)]
        half = [socket.create_connection((a.hostname, a.port)) for a in self.addresses() for _ in range(50)]
        self.assert_serves()
        for connection in silent + half:
            connection.close()
        self.assert_serves()

    def open(self):
        session = self.lab.start(self.target().port)
        return Client(self.lab, session)

    def raw(self, data):
        """Sends bytes on a session's websocket and waits for the end, or for silence."""
        client = self.open()
        try:
            client.websocket.socket.sendall(data)
            client.until_closed(0.7)
        except (OSError, AssertionError, Closed):
            pass
        client.websocket.drop()

    def test_frames_that_break_the_rules(self):
        mask = b"\1\2\3\4"
        for data in (b"\x82\x05hello", b"\xf2\x80" + mask, b"\x83\x80" + mask, b"\x89\xfe\x00\x80" + mask + bytes(128),
                     b"\x09\x80" + mask, b"\x80\x80" + mask, b"\x82\xff" + b"\xff" * 8 + mask,
                     b"\x82\xff" + struct.pack("!Q", 1 << 40) + mask, b"\x88\x81" + mask + b"x",
                     b"\x88\x82" + mask + b"\0\0", b"\x81\x82" + mask + b"\xff\xff", b"\x82\xfe", b"\x82"):
            self.raw(data)
        self.assert_serves()

    def test_random_frames(self):
        for _ in range(40):
            self.raw(b"".join(bytes([self.random.choice((0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x89, 0x8a)),
                                     0x80 | self.random.randrange(126)]) +
                              self.random.randbytes(self.random.randrange(4, 130)) for _ in range(20)))
        self.assert_serves()

    def test_random_agent_messages(self):
        client = self.open()
        client.is_strict = False
        for _ in range(300):
            wire = bytearray(Message(self.random.choice(("input_stream_data", "acknowledge", "channel_closed", "x", "",
                                                         "pause_publication", "output_stream_data")),
                                     self.random.randbytes(self.random.randrange(0, 200)),
                                     self.random.choice((0, 1, 2, -1, 1 << 62, -(1 << 62))), 0,
                                     self.random.randrange(0, 14)).encode())
            for _ in range(self.random.randrange(3)):
                wire[self.random.randrange(len(wire))] = self.random.randrange(256)
            try:
                client.websocket.send(bytes(wire[:self.random.choice((len(wire), len(wire), 3, 110, 119))]))
            except OSError:
                client = self.open()
        client.websocket.drop()
        self.assert_serves()

    def test_first_messages(self):
        session = self.lab.start(self.target().port)
        path = session["StreamUrl"].split(self.lab.gateway_address.netloc, 1)[1]
        for payload in (b"", b"{", b"null", b'"x"', b"[" * 100000, b"{}" * 1000, b'{"TokenValue":7}',
                        b'{"MessageSchemaVersion":"1.0","RequestId":"' + b"x" * 200000 + b'"}', b"\xff\xfe", bytes(300000)):
            websocket = WebSocket(self.lab, path)
            try:
                websocket.send(payload, 1)
                while True:
                    websocket.recv(2)
            except (OSError, Closed, TimeoutError):
                pass
            websocket.drop()
        self.assert_serves()

    def test_a_message_of_a_thousand_fragments_and_one_too_long(self):
        client = self.client()
        client.websocket.fragment = 1
        client.until_acknowledged(client.send(bytes(1000)))
        client.until("the echo", lambda: client.output == bytes(1000))
        client.websocket.fragment = 4096
        try:
            client.send(bytes(300000))
            self.assertIn(client.until_closed(), (1009, None))
        except OSError:
            pass
        client = self.client()
        try:
            for _ in range(100):
                client.websocket.socket.sendall(client.websocket._frame(2 if _ == 0 else 0, bytes(60000), False))
            self.assertIn(client.until_closed(), (1009, None))
        except OSError:
            pass
        self.assert_serves()

    def test_a_flood_of_pings_that_reads_nothing(self):
        client = self.client()
        frame = client.websocket._frame(9, bytes(125))
        client.websocket.socket.settimeout(1)
        try:
            for _ in range(2000):
                client.websocket.socket.sendall(frame * 100)
        except OSError:
            pass
        self.assertLess(self.resident(), 600 << 20 if "asan" in os.environ.get("SSM_BIN_DIR", "") else 64 << 20)
        self.assert_serves()

    def resident(self):
        with open("/proc/%d/statm" % self.lab.ready["pid"], encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_sequence_numbers_far_ahead(self):
        client = self.client()
        for i in range(20000):
            number = self.random.randrange(2, 1 << 62)
            client.websocket.send(Message("input_stream_data", b"x", number, 0, OUTPUT).encode())
            if i % 500 == 0:
                client.until("acknowledgements", lambda: number in client.acknowledged)
        client.until_acknowledged(client.send(b"in order"))
        client.until("its echo", lambda: client.output == b"in order")
        client.send(struct.pack("!I", 2), FLAG)
        client.until_closed()

    def test_clients_that_vanish(self):
        target = self.target()
        for _ in range(60):
            client = Client(self.lab, self.lab.start(target.port))
            for _ in range(self.random.randrange(3)):  # start_publication, handshake request
                client.step()
            plain = client.websocket.socket
            if self.random.random() < 0.5:  # a reset instead of an end
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            plain.close()
        wait_for("the drops", lambda: not any(s["client_connected"] for s in self.lab.status()["sessions"]))
        for session in self.lab.status()["sessions"]:
            self.lab.must("TerminateSession", {"SessionId": session["id"]})
        wait_for("the end of all", lambda: self.lab.status()["open_sessions"] == 0)
        self.assert_serves()

    def test_a_second_connection_takes_the_place_of_the_first(self):
        first = self.client()
        second = Client(self.lab, dict(first.session))
        self.assertEqual(first.until_closed(), 1000)
        second.sent, second.expected = first.sent, first.expected
        second.until_acknowledged(second.send(b"x"))
        second.until("the echo", lambda: second.output == b"x")

    def test_start_up_that_cannot_be(self):
        taken = str(self.lab.api_address.port)
        for options in (["--api-port", taken], ["--state-dir", "/proc/nowhere"], ["--listen", "nonsense"],
                        ["--api-port", "x"], ["--nonsense"], ["more"], ["--listen", "192.0.2.1"]):
            done = subprocess.run([program("ssm-lab"), *options], capture_output=True, timeout=60, check=False)
            self.assertNotIn(done.returncode, (0, 99), options)
            self.assertEqual(done.stdout, b"")
            self.assertTrue(done.stderr, options)

    def test_it_ends_with_its_parent(self):
        parent = subprocess.Popen(["sleep", "30"])
        lab = subprocess.Popen([program("ssm-lab"), "--exit-with-parent", str(parent.pid)], stdout=subprocess.PIPE)
        self.assertTrue(lab.stdout.readline())
        parent.kill()
        parent.wait()
        self.assertEqual(lab.wait(5), 0)
        lab.stdout.close()

    def test_a_client_that_neither_reads_nor_goes(self):
        """Its session can be ended all the same, and its connection is given up."""
        def pour(connection):
            try:
                while True:
                    connection.sendall(bytes(1 << 20))
            except OSError:
                pass
        self.lab.stop()
        self.lab.__init__("--no-agent-pause")
        client = self.client(self.target(pour).port)
        for _ in range(3000):  # past the agent's patience with unacknowledged output
            client.step()
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        wait_for("its end", lambda: self.lab.status()["open_sessions"] == 0)
        wait_for("the end of its connection",
                 lambda: not self.lab.session(client.session["SessionId"])["client_connected"])
