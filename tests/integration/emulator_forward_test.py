"""Port forwarding through ssm-lab: the multiplexer of its nodes, seen from a client that shares no code with it."""

import hashlib
import os
import socket
import struct
import threading
import time

from emulator_support import FLAG, Client, EmulatorCase, unused_port

DISCONNECT, TERMINATE = struct.pack("!I", 1), struct.pack("!I", 2)
CONNECT_ERROR = struct.pack("!I", 3)
SYN, FIN, PSH, NOP = range(4)
ALLOWANCE = 4 << 20


def frame(command, stream=0, data=b""):
    return struct.pack("<BBHI", 1, command, len(data), stream) + data


class Streams:
    """The client's end of a multiplexer: what came in each stream."""

    def __init__(self, client):
        self.client = client
        self.taken = 0
        self.data, self.finished, self.nops = {}, [], 0

    def send(self, *frames, size=1024):
        """One byte stream, cut into messages without regard to frames."""
        stream = b"".join(frames)
        return [self.client.send(stream[i:i + size]) for i in range(0, len(stream), size)]

    def read(self):
        output = self.client.output
        while len(output) >= self.taken + 8:
            version, command, length, stream = struct.unpack("<BBHI", output[self.taken:self.taken + 8])
            assert version == 1 and command in (FIN, PSH, NOP), output[self.taken:self.taken + 8]
            assert length <= 32768 and (length == 0) == (command != PSH)
            if len(output) < self.taken + 8 + length:
                return
            if command == PSH:
                assert stream not in self.finished, f"data of stream {stream} after its end"
                self.data[stream] = self.data.get(stream, b"") + output[self.taken + 8:self.taken + 8 + length]
            elif command == FIN:
                assert stream not in self.finished
                self.finished.append(stream)
            else:
                assert stream == 0
                self.nops += 1
            self.taken += 8 + length

    def until(self, what, condition):
        def check():
            self.read()
            return condition()
        self.client.until(what, check)


class EmulatorForwardTest(EmulatorCase):
    def streams(self, port, version="1.2.650.0", document="AWS-StartPortForwardingSession", **parameters):
        client = Client(self.lab, self.lab.start(port, document=document, **parameters), connect=False)
        client.version = version
        client.connect()
        return Streams(client.handshake())

    def flags(self, streams):
        return [message.payload for message in streams.client.handshakes[2:] if message.payload_type == FLAG]

    # ---- what is refused ----

    def test_no_server_at_the_port(self):
        streams = self.streams(unused_port())
        for count, stream in enumerate((3, 5), 1):
            streams.send(frame(SYN, stream), frame(PSH, stream, b"lost"))
            streams.until("its end", lambda: stream in streams.finished and len(self.flags(streams)) == count)
        self.assertEqual(self.flags(streams), [CONNECT_ERROR] * 2)
        self.assertEqual((self.status_of(streams.client), streams.data), ("Connected", {}))

    def test_bytes_that_are_no_frame(self):
        for wrong in (b"\2" + frame(SYN, 3)[1:], b"\1\4" + frame(SYN, 3)[2:], b"SSH-2.0-x\r\n"):
            streams = self.streams(self.target().port)
            streams.send(wrong)
            streams.client.until_closed()
            self.assertEqual((self.status_of(streams.client), streams.client.closed["Output"]), ("Terminated", ""), wrong)

    def test_an_address_that_is_forbidden(self):
        streams = self.streams(80, document="AWS-StartPortForwardingSessionToRemoteHost", host="169.254.169.254")
        streams.client.until_closed()
        self.assertEqual(streams.client.closed["Output"], "Forwarding to IP address 169.254.169.254 is forbidden.")

    # ---- streams ----

    def test_many_streams_at_once(self):
        target = self.target()
        streams = self.streams(target.port)
        sent = {3 + 2 * i: os.urandom(200 + 40 * i) for i in range(50)}
        sent[3] = os.urandom(200000)
        streams.send(*(frame(SYN, stream) for stream in sent))
        streams.send(frame(NOP), frame(SYN, 3), *(frame(PSH, stream, data[i:i + 60000]) for stream, data in sent.items()
                                                 for i in range(0, len(data), 60000)))
        streams.until("every echo", lambda: {s: len(d) for s, d in streams.data.items()} == {s: len(d) for s, d in sent.items()})
        for stream, data in sent.items():
            self.assertEqual(hashlib.sha256(streams.data[stream]).digest(), hashlib.sha256(data).digest(), stream)
        self.assertEqual((target.connections, streams.finished, streams.nops), (50, [], 0))

    def test_the_client_ends_a_stream(self):
        heard, ended = [], threading.Event()

        def listen(connection):
            while data := connection.recv(65536):
                heard.append(data)
            ended.set()
        streams = self.streams(self.target(listen).port)
        streams.send(frame(SYN, 3), frame(PSH, 3, b"x" * 3000), frame(FIN, 3))
        streams.until("its end in return", lambda: streams.finished == [3])
        self.assertTrue(ended.wait(60))
        self.assertEqual(b"".join(heard), b"x" * 3000)

    def test_the_target_ends_a_stream(self):
        def farewell(connection):
            with connection:
                connection.recv(100)
                connection.sendall(b"goodbye")
        streams = self.streams(self.target(farewell).port)
        streams.send(frame(SYN, 3), frame(PSH, 3, b"x"))
        streams.until("the end", lambda: streams.finished == [3])
        self.assertEqual(streams.data, {3: b"goodbye"})
        # In one message, as vector 12.4 has it.
        self.assertTrue(streams.client.output.endswith(bytes.fromhex("0102070003000000676f6f646279650101000003000000")))
        streams.send(frame(PSH, 3, b"too late"), frame(FIN, 3), frame(PSH, 99, b"unknown"), frame(SYN, 5), frame(PSH, 5, b"y"))
        streams.until("the next one", lambda: streams.finished == [3, 5])

    def test_a_stalled_stream_stalls_the_others(self):
        gate, total = threading.Event(), ALLOWANCE + (20 << 20)  # more than sockets hold

        def serve(connection):
            with connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                if connection.recv(1) == b"s":
                    gate.wait(60)
                    left = total
                    while left > 0:
                        data = connection.recv(1 << 20)
                        assert data, left
                        left -= len(data)
                connection.sendall(b"all")
        target = self.target(serve)
        streams = self.streams(target.port)
        streams.client.websocket.fragment = 1 << 20
        streams.client.websocket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        streams.send(frame(SYN, 3), frame(PSH, 3, b"s"), frame(SYN, 5), frame(PSH, 5, b"f"))
        streams.until("the free one's end", lambda: streams.finished == [5])
        done = threading.Event()

        def pump():
            piece = frame(PSH, 3, bytes(50000))
            for _ in range(total // 50000 + 1):
                streams.client.send(piece)
            streams.send(frame(SYN, 7), frame(PSH, 7, b"f"))
            done.set()
        threading.Thread(target=pump, daemon=True).start()
        self.assertFalse(done.wait(1), "everything was swallowed")
        self.assertEqual(target.connections, 2)
        held = self.lab.session(streams.client.session["SessionId"])["queued_bytes"]
        self.assertTrue(ALLOWANCE <= held < ALLOWANCE + (2 << 20), held)
        gate.set()
        self.assertTrue(done.wait(10), self.lab.status())  # one thread at a time at a TLS socket
        streams.until("both ends", lambda: sorted(streams.finished) == [3, 5, 7])

    # ---- the end ----

    def test_flags(self):
        streams = self.streams(self.target().port)
        client = streams.client
        streams.send(frame(SYN, 3), frame(PSH, 3, b"still"))
        client.until_acknowledged(client.send(DISCONNECT, FLAG))
        streams.send(frame(PSH, 3, b" here"))
        streams.until("the echo", lambda: streams.data.get(3) == b"still here")
        client.until_acknowledged(client.send(TERMINATE, FLAG))
        client.until_closed()
        self.assertEqual((self.status_of(client), client.closed["Output"]), ("Terminated", ""))

    def test_an_idle_session_is_kept_alive_by_frames(self):
        """With clients up to 1.2.331.0, which announce that they do the same."""
        self.lab.faults(smux_idle_limit_ms=600)
        new, old = (self.streams(self.target().port, version=version) for version in ("1.2.331.1", "1.2.331.0"))
        for _ in range(6):
            old.send(frame(NOP))
            time.sleep(0.3)
        self.assertEqual([self.status_of(streams.client) for streams in (new, old)], ["Connected"] * 2)
        old.client.until_closed()
        old.read()
        self.assertGreaterEqual(old.nops, 6)
        self.assertEqual(self.status_of(old.client), "Terminated")
        self.assertEqual((self.status_of(new.client), new.client.output), ("Connected", b""))

    # ---- documents ----

    def test_hosts_beside_the_node(self):
        for host in ("127.0.0.1", "localhost", "db.localhost"):
            target = self.target()
            streams = self.streams(target.port, document="AWS-StartPortForwardingSessionToRemoteHost", host=host)
            streams.send(frame(SYN, 3), frame(PSH, 3, host.encode()))
            streams.until("the echo", lambda: streams.data.get(3) == host.encode())
        streams = self.streams(80, document="AWS-StartPortForwardingSessionToRemoteHost", host="192.0.2.1")
        streams.send(frame(SYN, 3))
        streams.until("no way there", lambda: streams.finished == [3])

    def test_a_unix_socket_of_the_client(self):
        session = {"Target": "i-0123456789abcdef0", "DocumentName": "AWS-StartPortForwardingSessionToSocket"}
        answer = self.lab.api("StartSession", dict(session, Parameters={"localConnectionType": ["tcp"], "localUnixSocket": ["/x"]}))
        self.assert_fails(answer, 400, "InvalidParameters", "localConnectionType")
        target = self.target()
        started = self.lab.must("StartSession", dict(session, Parameters={"portNumber": [str(target.port)],
                                                                          "localUnixSocket": ["/tmp/x.sock"]}))
        streams = Streams(Client(self.lab, started).handshake({"portNumber": str(target.port), "type": "LocalPortForwarding",
                                                               "localConnectionType": "unix", "localUnixSocket": "/tmp/x.sock"}))
        streams.send(frame(SYN, 3), frame(PSH, 3, b"x"))
        streams.until("the echo", lambda: streams.data.get(3) == b"x")

    # ---- clients that cannot multiplex ----

    def test_an_old_client_gets_one_connection_after_the_other(self):
        is_closed = threading.Event()

        def once(connection):
            connection.sendall(connection.recv(100).upper())
            connection.close()
            is_closed.set()
        speaker = self.target(once)
        client = Client(self.lab, self.lab.start(speaker.port, document="AWS-StartPortForwardingSession",
                                                 localPortNumber="0"), connect=False)
        client.version = "1.1.69.9"
        client.connect()
        client.handshake({"portNumber": str(speaker.port), "type": "LocalPortForwarding", "localPortNumber": "0"})
        for word in (b"first", b"second", b"third"):
            seen = len(client.output)
            client.until_acknowledged(client.send(word))
            client.until("its answer", lambda: client.output[seen:] == word.upper())
            self.assertTrue(is_closed.wait(60))
            is_closed.clear()
            self.counters()  # by which time the lab has been at its sockets again
            time.sleep(0.1)  # what comes before the agent has noticed the target's end is lost in its closed socket
        self.assertGreaterEqual(speaker.connections, 3)
        client.send(TERMINATE, FLAG)
        client.until_closed()
