"""The faults of ssm-lab, seen from a client that shares no code with it: each of them really happens."""

import hashlib
import socket
import struct
import threading
import time

from emulator_support import Client, Closed, EmulatorCase, Message, WebSocket, acknowledge, wait_for


class EmulatorOutageTest(EmulatorCase):
    """Connections that end, and come back."""

    def assert_refuses(self, **faults):
        with self.assertRaises(AssertionError, msg=faults):
            self.lab.faults(**faults)

    def is_gateway_there(self):
        try:
            socket.create_connection((self.lab.gateway_address.hostname, self.lab.gateway_address.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def wait_for_agent(self, client):
        wait_for("the agent's return", lambda: self.lab.session(client.session["SessionId"])["agent_connected"])

    def assert_goes_on(self, client, word):
        """After a resume, whatever was lost on the way."""
        client.is_strict = False
        client.resume()
        self.wait_for_agent(client)
        before = client.output
        client.until_acknowledged(client.send(word))
        client.until("the echo", lambda: client.output == before + word)

    def test_a_restart_needs_its_time(self):
        self.assert_refuses(restart_gateway={})
        self.assert_refuses(restart_gateway={"down_ms": -1})
        self.assert_refuses(restart_gateway=True)
        self.assertTrue(self.is_gateway_there())
        self.assertEqual(self.counters()["gateway_restarts"], 0)

    def test_an_action_of_the_wrong_type_is_refused(self):
        client = self.client()
        for faults in ({"close_client_connections": "1001"}, {"drop_client_connections": 1}, {"offline_nodes": "node"},
                       {"drop_agent_connections": "yes"}, {"inject": []}, {"reset": 1}, {"nonsense": True}):
            self.assert_refuses(**faults)
        client.until_acknowledged(client.send(b"still there"))

    def test_a_gateway_that_restarts(self):
        client, silent = self.client(), WebSocket(self.lab, self.path_of(self.lab.start(self.target().port)))
        client.send(b"one")
        client.until("the echo", lambda: client.output == b"one")
        self.lab.faults(restart_gateway={"down_ms": 60000})
        self.assertIsNone(client.until_closed())
        with self.assertRaises(Closed):
            silent.recv()
        wait_for("nobody listening", lambda: not self.is_gateway_there())
        session = self.lab.session(client.session["SessionId"])
        self.assertEqual((session["status"], session["client_connected"], session["agent_connected"]),
                         ("Connected", False, False))
        late = Client(self.lab, self.lab.start(self.target().port), connect=False)
        self.lab.faults(restart_gateway={"down_ms": 10})
        wait_for("the gateway's return", self.is_gateway_there)
        self.assert_goes_on(client, b"two")
        late.connect()
        late.handshake()
        self.assertEqual(self.counters()["gateway_restarts"], 2)

    def path_of(self, session):
        return session["StreamUrl"].split(self.lab.gateway_address.netloc, 1)[1]

    def test_clients_that_are_dropped_at_intervals(self):
        client = self.client()
        self.lab.faults(drop_client_every_ms=30)
        for _ in range(3):
            self.assertIsNone(client.until_closed(), "a Close frame")
            client.is_strict = False
            client.resume()
        self.lab.faults(drop_client_every_ms=0)
        self.assert_goes_on(client, b"still there")

    def test_clients_that_are_closed_at_intervals(self):
        client = self.client()
        self.lab.faults(close_client_every_ms=30)
        self.assertEqual(client.until_closed(), 1001)
        self.lab.faults(close_code=1000)
        client.is_strict = False
        client.resume()
        self.assertEqual(client.until_closed(), 1000)
        self.lab.faults(reset=True)
        self.assert_goes_on(client, b"still there")

    def test_agents_that_are_dropped_at_intervals(self):
        client = self.client()
        self.lab.faults(drop_agent_every_ms=30)
        client.until("three returns", lambda: client.published.count("pause_publication") == 3)
        self.lab.faults(drop_agent_every_ms=0)
        client.until_acknowledged(client.send(b"still there"))
        self.assertGreaterEqual(self.counters()["agent_connections"], 4)

    def messages_of_a_connection(self, client):
        """How many data messages and acknowledgements pass until the gateway hangs up, sending one after the other."""
        passed = 0
        try:
            while passed < 100:
                client.websocket.send(Message("input_stream_data", b"x", client.sent, 0, 1).encode())
                client.sent += 1
                passed += 1
                message = Message("", b"")
                while message.kind != "acknowledge":  # the echo and its acknowledgement come before or after
                    message = client.step()
                    passed += {"output_stream_data": 2}.get(message.kind, message.kind == "acknowledge")
        except Closed as closed:
            self.assertIsNone(closed.args[0], "a Close frame")
        except OSError:
            pass  # it was noticed while sending; ssl.SSLError is one of these
        return passed

    def test_clients_that_are_dropped_after_so_many_messages(self):
        client = self.client()
        client.is_strict = False
        self.lab.faults(drop_client_after=40)
        client.resume()
        for _ in range(2):
            # give or take what was on its way, either way
            self.assertIn(self.messages_of_a_connection(client), range(34, 46))
            client.resume()
        self.lab.faults(drop_client_after=0)
        client.until_acknowledged(client.send(b"still there"))

    def test_agents_that_are_dropped_after_so_many_messages(self):
        client = self.client()
        client.is_strict = False
        before = self.counters()["agent_connections"]
        self.lab.faults(drop_agent_after=16)
        for sent in range(1, 13):
            client.until_acknowledged(client.send(b"x"))
            client.until("the echo", lambda sent=sent: len(client.output) == sent)
        # each byte takes four messages, and some are sent twice
        self.assertIn(self.counters()["agent_connections"] - before, range(3, 9))


class EmulatorDamageTest(EmulatorCase):
    """Messages that are changed on their way."""

    def echoed(self, **faults):
        """A client past its handshake, and the wire form of the next data message from the agent under these faults; the
        target has sent a kibibyte of the letter a."""
        go = threading.Event()

        def serve(connection):
            go.wait()
            connection.sendall(b"a" * 1024)
            connection.recv(1)
        client = self.client(self.target(serve).port)
        self.lab.faults(**faults)
        go.set()
        return client, client.websocket.recv()

    @staticmethod
    def is_digest_right(wire):
        return wire[80:112] == hashlib.sha256(wire[120:]).digest()

    def assert_repaired(self, client):
        """The agent repeats what nobody has acknowledged."""
        self.lab.faults(reset=True)
        wire = client.websocket.recv()
        while not self.is_digest_right(wire):  # it was on its way
            wire = client.websocket.recv()
        client.take(Message.decode(wire))
        self.assertEqual(client.output, b"a" * 1024)

    def test_corruption_towards_the_client(self):
        client, wire = self.echoed(corrupt_to_client_percent=100)
        self.assertEqual((len(wire), wire[116:120]), (120 + 1024, struct.pack("!I", 1024)))
        changed = [byte ^ ord("a") for byte in wire[120:] if byte != ord("a")]
        self.assertTrue(len(changed) == 1 and changed[0].bit_count() == 1, changed)
        self.assertFalse(self.is_digest_right(wire))
        self.assertGreater(self.counters()["faults_corrupted"], 0)
        self.assert_repaired(client)

    def test_truncation_towards_the_client(self):
        client, wire = self.echoed(truncate_to_client_percent=100)
        self.assertLess(len(wire), 120 + 1024)
        self.assertEqual(wire[116:120], struct.pack("!I", len(wire) - 120))
        self.assertEqual(wire[120:].strip(b"a"), b"")
        self.assertFalse(self.is_digest_right(wire))
        self.assertGreater(self.counters()["faults_truncated"], 0)
        self.assert_repaired(client)

    def test_messages_that_are_not_struck_stay_whole(self):
        client, wire = self.echoed(corrupt_to_agent_percent=100, truncate_to_agent_percent=100)
        self.assertTrue(self.is_digest_right(wire))
        client.websocket.send(acknowledge(Message.decode(wire)).encode())
        self.assertEqual(self.counters()["faults_corrupted"], 0, "an acknowledgement was changed")

    def test_corruption_towards_the_agent_arrives(self):
        client = self.client()
        self.lab.faults(corrupt_to_agent_percent=100)
        client.until_acknowledged(client.send(b"a" * 1000))
        client.until("the echo", lambda: len(client.output) == 1000)
        self.assertEqual(len(client.output.replace(b"a", b"")), 1, "the agent does not check the digest")

    def test_truncation_towards_the_agent_arrives(self):
        client = self.client()
        self.lab.faults(truncate_to_agent_percent=100)
        client.until_acknowledged(client.send(b"a" * 1000))
        self.lab.faults(reset=True)
        client.until_acknowledged(client.send(b"b"))
        client.until("the echo", lambda: client.output.endswith(b"b"))
        self.assertLess(len(client.output), 1001)


class EmulatorResumeFaultTest(EmulatorCase):
    def resume(self, client):
        return self.lab.api("ResumeSession", {"SessionId": client.session["SessionId"]})

    def test_refused_resumes(self):
        client = self.client()
        self.lab.faults(refuse_resumes=2)
        self.assert_fails(self.resume(client), 400, "AccessDeniedException", "ssm:ResumeSession")
        self.lab.faults(resume_error="ThrottlingException")
        self.assert_fails(self.resume(client), 400, "ThrottlingException")
        client.resume()

    def test_slow_resumes(self):
        client = self.client()
        self.lab.faults(resume_delay_ms=300)
        begin = time.monotonic()
        client.resume()
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)


class EmulatorWireTest(EmulatorCase):
    """How messages to clients lie in frames and TLS records. Python's recv gives what one record holds, at most."""

    SIZE = 20

    def setUp(self):
        super().setUp()
        self.go = threading.Event()

    def received(self, **faults):
        """(records, frames) of SIZE messages of a kibibyte each: lengths of the records; (FIN, opcode, payload) of each
        frame. Nothing is acknowledged, and only the first of each message counts."""
        def serve(connection):
            self.go.wait()
            connection.sendall(b"".join(bytes([65 + number]) * 1024 for number in range(self.SIZE)))
            connection.recv(1)
        client = self.client(self.target(serve).port)
        self.lab.faults(**faults)
        records, frames = [], []
        websocket, read_some = client.websocket, client.websocket._read_some

        def read_and_note():
            records.append(read_some())
            return records[-1]
        websocket._read_some = read_and_note
        websocket.socket.settimeout(60)
        self.go.set()
        messages, message = {}, b""
        while len(messages) < self.SIZE:
            opcode, is_final, payload = websocket._recv_frame()
            frames.append((is_final, opcode, payload))
            message += payload
            if is_final:
                whole = Message.decode(message)
                messages.setdefault(whole.sequence, whole.payload)
                message = b""
        self.assertEqual(b"".join(messages[key] for key in sorted(messages)),
                         b"".join(bytes([65 + number]) * 1024 for number in range(self.SIZE)))
        return records, frames

    def test_as_it_is_without_faults(self):
        _, frames = self.received()
        self.assertEqual({(is_final, opcode) for is_final, opcode, _ in frames}, {(True, 2)})

    def test_fragments(self):
        _, frames = self.received(fragment_percent=100)
        starts = [at for at, frame in enumerate(frames) if frame[1] == 2]
        ends = [at for at, frame in enumerate(frames) if frame[0]]
        self.assertEqual(len(starts), len(ends))
        counts = {end - start + 1 for start, end in zip(starts, ends)}
        self.assertTrue(min(counts) >= 2 and max(counts) > 2, counts)
        self.assertEqual({frame[1] for frame in frames}, {0, 2})
        self.assertGreater(len({len(frame[2]) for frame in frames}), self.SIZE, "sizes are not random")

    def test_some_messages_in_fragments(self):
        _, frames = self.received(fragment_percent=50)
        self.assertIn((True, 2), {frame[:2] for frame in frames})
        self.assertIn((True, 0), {frame[:2] for frame in frames})

    def test_frames_in_pieces(self):
        records, frames = self.received(split_writes=True)
        self.assertLessEqual(max(map(len, records)), 700)
        self.assertGreater(len(records), 2 * len(frames) - 2)

    def test_merged_messages(self):
        records, frames = self.received(merge_ms=200)
        self.assertGreater(max(map(len, records)), 4 * 1024, "no record holds several messages")
        self.assertLess(len(records), len(frames))


class EmulatorStormTest(EmulatorCase):
    def test_a_storm_of_publication_messages(self):
        client = self.client()
        before = len(client.published)
        self.lab.faults(publication_storm_every_ms=2)
        client.until("a storm", lambda: len(client.published) > before + 40)
        storm = client.published[before:]
        self.assertIn(("pause_publication", "pause_publication"), zip(storm, storm[1:]))
        self.assertIn(("start_publication", "start_publication"), zip(storm, storm[1:]))
        client.until_acknowledged(client.send(b"through the storm"))
        client.until("the echo", lambda: client.output == b"through the storm")
        self.lab.faults(publication_storm_every_ms=0)
        client.until_acknowledged(client.send(b"!"))
        client.until("the echo", lambda: client.output == b"through the storm!")
        self.assertEqual(client.published[-1], "start_publication")


class EmulatorStuckTargetTest(EmulatorCase):
    def test_an_agent_that_its_target_blocks_connects_anew(self):
        self.lab.faults(stuck_reconnect_ms=200)
        goes_on = threading.Event()
        received = bytearray()

        def serve(connection):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            goes_on.wait(60)
            while piece := connection.recv(65536):
                received.extend(piece)
        client = self.client(self.target(serve).port)
        client.is_strict = False
        before = self.counters()["agent_connections"]
        sent = []
        while "pause_publication" not in client.published:
            assert len(sent) < 1000, "nothing blocks"
            sent.append(client.send(b"%08d" % len(sent) * 7000))
            try:
                client.step(0.02)
            except TimeoutError:
                pass
        wait_for("the agent's return", lambda: self.counters()["agent_connections"] > before)
        goes_on.set()
        while missing := [message for message in sent if message.sequence not in client.acknowledged]:
            for message in missing:  # those from while the link was lost, at least
                client.websocket.send(message.encode())
            client.until_acknowledged(missing[-1])
        data = b"".join(message.payload for message in sent)
        wait_for("everything", lambda: len(received) >= len(data))
        self.assertEqual(received, data)
