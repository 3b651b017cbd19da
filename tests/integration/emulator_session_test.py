"""Sessions through ssm-lab, seen from a client that shares no code with it."""

import os
import struct
import threading
import time

from emulator_support import (FLAG, HANDSHAKE_RESPONSE, OFFLINE, OUTPUT, Client, Closed, EmulatorCase, Message, Refused,
                              WebSocket, unused_port, wait_for)

TERMINATE = struct.pack("!I", 2)
DISCONNECT = struct.pack("!I", 1)


class EmulatorSessionTest(EmulatorCase):
    def drain(self, client, seconds=1):
        """Receives until nothing comes for that long."""
        try:
            while True:
                client.step(seconds)
        except TimeoutError:
            pass

    # ---- what is refused ----

    def test_what_is_not_connected(self):
        for name in (OFFLINE, "i-00000000000000000", "nonsense"):
            answer = self.lab.api("StartSession", {"Target": name, "DocumentName": "AWS-StartSSHSession"})
            self.assert_fails(answer, 400, "TargetNotConnected", name + " is not connected.")

    def test_a_path_that_is_not_the_stream_url(self):
        session = self.lab.start(self.target().port)
        path = session["StreamUrl"].split(self.lab.gateway_address.netloc, 1)[1]
        cell = path.split("cell-number=")[1]
        self.assertTrue("+" in cell and "/" in cell and cell.endswith("=="), path)
        for wrong in (path.replace("+", "%2B"), path.split("&")[0], path + "&x=1", path.replace("role=", "rule="),
                      path[:-1], path.split("?")[0], path.replace("/v1/data-channel/", "/v1/data-channel/x"), "/"):
            with self.assertRaises(Refused, msg=wrong) as refused:
                Client(self.lab, session, connect=False).connect(path=wrong)
            self.assertIn(refused.exception.args[0], (400, 403, 404))
        Client(self.lab, session).handshake()

    def test_a_wrong_token(self):
        client = Client(self.lab, self.lab.start(self.target().port), connect=False)
        client.connect(token="A" * 300)
        self.assertEqual(client.until_closed(), 1000)
        self.assertFalse(client.handshakes)

    def test_a_first_message_that_is_none(self):
        session = self.lab.start(self.target().port)
        path = session["StreamUrl"].split(self.lab.gateway_address.netloc, 1)[1]
        good = {"MessageSchemaVersion": "1.0", "RequestId": "0123456789abcdef", "TokenValue": session["TokenValue"],
                "ClientId": "x"}
        for opcode, payload in ((2, good), (1, []), (1, dict(good, MessageSchemaVersion="2.0")),
                                (1, dict(good, RequestId="short")), (1, dict(good, ClientId=""))):
            websocket = WebSocket(self.lab, path)
            websocket.send(repr(payload).replace("'", '"').encode(), opcode)
            with self.assertRaises(Closed, msg=payload):
                websocket.recv()
        websocket = WebSocket(self.lab, path)
        websocket.send_text(good)
        self.assertEqual(Message.decode(websocket.recv()).kind, "start_publication")

    # ---- data ----

    def test_echo(self):
        client = self.client()
        data = os.urandom(5000)
        for message in [client.send(data[i:i + 1000]) for i in range(0, 5000, 1000)]:
            client.until_acknowledged(message)
        client.until("the echo", lambda: client.output == data)
        self.assertEqual(client.published, ["start_publication"])
        self.assertEqual(self.status_of(client), "Connected")
        client.websocket.ping(b"are you there")
        client.send(b"x")
        client.until("another echo", lambda: len(client.output) == 5001)
        self.assertEqual(client.websocket.pongs, [b"keepalive", b"are you there"])

    def test_large_messages_in_fragments(self):
        client = self.client()
        data = os.urandom(65536)
        client.until_acknowledged(client.send(data))
        client.until("64 KiB back", lambda: client.output == data)

    def test_the_agents_pause(self):
        """One read of at most 1024 bytes in a millisecond."""
        def pour(connection):
            connection.sendall(bytes(200 * 1024))
            connection.close()
        client = self.client(self.target(pour).port)
        began = time.monotonic()
        client.until("all of it", lambda: len(client.output) == 200 * 1024)
        self.assertGreater(time.monotonic() - began, 0.19)

    def test_data_in_the_handshake_is_acknowledged_and_lost(self):
        client = Client(self.lab, self.lab.start(self.target().port))
        client.until("the request", lambda: client.handshakes)
        client.until_acknowledged(client.send(b"lost"))
        client.send(client.response(), HANDSHAKE_RESPONSE)
        client.until("completion", lambda: len(client.handshakes) == 2)
        client.until_acknowledged(client.send(b"kept"))
        client.until("the echo", lambda: client.output != b"")
        self.assertEqual(client.output, b"kept")
        self.assertEqual(self.counters()["discarded_in_handshake"], 1)

    def test_data_before_the_complete_flag_is_lost(self):
        self.lab.faults(handshake_complete_delay_ms=1500)
        client = self.client()
        client.until_acknowledged(client.send(b"too early"))
        self.assertEqual(self.counters()["discarded_in_handshake"], 1, "it came too late")
        time.sleep(1.5)
        client.until_acknowledged(client.send(b"in time"))
        client.until("the echo", lambda: client.output == b"in time")

    def test_duplicates_and_order(self):
        client = self.client()
        first = Message("input_stream_data", b"one", client.sent, 0, OUTPUT)
        second = Message("input_stream_data", b"two", client.sent + 1, 0, OUTPUT)
        client.websocket.send(second.encode())
        client.until("an acknowledgement ahead of its turn", lambda: second.sequence in client.acknowledged)
        self.assertEqual(client.output, b"")
        client.websocket.send(second.encode())
        client.until("the same again", lambda: client.acknowledged.count(second.sequence) == 2)
        client.until_acknowledged(first)
        client.until("both in order", lambda: client.output == b"onetwo")
        client.websocket.send(first.encode())
        client.until("a late duplicate's", lambda: client.acknowledged.count(first.sequence) >= 2)
        client.sent += 2
        client.until_acknowledged(client.send(b"three"))
        client.until("no repetition", lambda: client.output == b"onetwothree")

    def test_the_agent_repeats_the_oldest(self):
        client = Client(self.lab, self.lab.start(self.target().port))
        request = Message.decode(client.websocket.recv())
        while request.kind != "output_stream_data":
            request = Message.decode(client.websocket.recv())
        again = Message.decode(client.websocket.recv())
        self.assertEqual((again.id, again.sequence), (request.id, 0))
        self.assertGreaterEqual(self.counters()["retransmissions"], 1)

    def test_the_gateway_acknowledges_for_a_silent_client(self):
        """The real plugin says nothing about duplicates; the agent would repeat for ever. The client's acknowledgement is
        made to be lost between gateway and agent."""
        client = self.client()
        client.ack_duplicates = False
        self.lab.faults(delay_ms=400)
        client.send(b"x")
        client.until("the echo", lambda: client.output == b"x")
        self.lab.faults(reset=True)
        self.lab.faults(drop_agent_connections=True)
        client.until("a duplicate", lambda: client.duplicates > 0)
        wait_for("an acknowledgement in its place", lambda: self.counters()["acknowledged_for_client"] > 0)
        repeated = self.counters()["retransmissions"]
        self.drain(client, 0.5)
        self.assertLessEqual(self.counters()["retransmissions"], repeated + 1)

    def test_the_digest_is_not_looked_at(self):
        client = self.client()
        wire = bytearray(Message("input_stream_data", b"wrong digest", client.sent, 0, OUTPUT).encode())
        wire[80:112] = bytes(32)
        client.websocket.send(bytes(wire))
        client.until("the echo all the same", lambda: client.output == b"wrong digest")

    def test_loss_duplication_and_reordering_lose_nothing(self):
        client = self.client()
        client.is_strict = False
        self.lab.faults(loss_percent=10, duplicate_percent=10, reorder_percent=10, delay_ms=2)
        data = b""
        while len(data) < 6000 or not all(self.counters()["faults_" + fault] for fault in ("lost", "duplicated", "reordered")):
            data += os.urandom(500)
            client.until_acknowledged(client.send(data[-500:]))
        client.until("the echo", lambda: client.output == data)

    def test_a_stalled_target_stops_the_reading(self):
        gate, total = threading.Event(), 48 * 1024 * 1024

        def stall(connection):
            gate.wait(60)
            got = 0
            while got < total:
                got += len(connection.recv(1 << 20))
            connection.sendall(b"all")
            connection.close()
        client = self.client(self.target(stall).port)
        client.websocket.fragment = 1 << 20
        done = threading.Event()

        def pump():
            for _ in range(total // 65536):
                client.send(bytes(65536))
            done.set()
        threading.Thread(target=pump, daemon=True).start()
        self.assertFalse(done.wait(2), "everything was swallowed")
        self.assertLess(self.queued(client), 2 * 1024 * 1024)
        gate.set()
        self.assertTrue(done.wait(60))  # one thread at a time at a TLS socket
        client.until("the end", lambda: client.output == b"all")

    def test_a_client_that_does_not_read_stops_the_agent(self):
        def pour(connection):
            try:
                while True:
                    connection.sendall(bytes(1 << 20))
            except OSError:
                pass
        self.lab.stop()
        self.lab.__init__("--no-agent-pause")
        client = self.client(self.target(pour).port)
        sent = [self.counters()["sent"]]

        def is_stopped():
            time.sleep(0.5)
            sent.append(self.counters()["sent"])
            return sent[-1] == sent[-2] > 0
        wait_for("the agent to stop", is_stopped)
        self.assertLess(self.queued(client), 2 * 1024 * 1024)
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        wait_for("its end", lambda: self.status_of(client) == "Terminated")

    def queued(self, client):
        return self.lab.session(client.session["SessionId"])["queued_bytes"]

    # ---- the end ----

    def test_the_terminate_flag(self):
        client = self.client()
        data = client.send(b"last words")
        flag = client.send(TERMINATE, FLAG)
        client.until_acknowledged(data)
        client.until_acknowledged(flag)
        self.assertEqual(client.until_closed(), 1000)
        self.assertEqual(client.closed["Output"], "")
        self.assertEqual(self.status_of(client), "Terminated")
        self.assertEqual(self.counters()["terminated_by_flag"], 1)

    def test_the_flag_waits_for_what_precedes_it(self):
        gate, got = threading.Event(), []
        total = 8 * 1024 * 1024

        def slow(connection):
            gate.wait(60)
            while sum(map(len, got)) < total:
                data = connection.recv(1 << 20)
                if not data:
                    break
                got.append(data)
        client = self.client(self.target(slow).port)
        client.websocket.fragment = 1 << 20

        def pump():
            for _ in range(total // 65536):
                client.send(bytes(65536))
            client.send(TERMINATE, FLAG)
        thread = threading.Thread(target=pump, daemon=True)
        thread.start()
        time.sleep(0.5)
        gate.set()
        thread.join(60)
        client.until_closed()
        wait_for("the last byte", lambda: sum(map(len, got)) == total)

    def test_the_disconnect_flag_ends_an_ssh_session(self):
        client = self.client()
        client.send(DISCONNECT, FLAG)
        client.until_closed()
        self.assertIsNotNone(client.closed)

    def test_the_terminate_api(self):
        client = self.client()
        answer = self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        self.assertEqual(answer, {"SessionId": client.session["SessionId"]})
        self.assertEqual(client.until_closed(), 1000)
        self.assertEqual(client.closed["Output"], "")
        wait_for("its end", lambda: self.status_of(client) == "Terminated")
        self.assertNotIn("TokenValue", self.lab.must("ResumeSession", {"SessionId": client.session["SessionId"]}))
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        self.assertEqual(self.lab.status()["open_sessions"], 0)

    def test_the_service_ends_it(self):
        client = self.client()
        self.lab.terminate(client.session["SessionId"], "Because.")
        client.until_closed()
        self.assertEqual(client.closed["Output"], "Because.")

    def test_the_target_ends(self):
        def speak(connection):
            connection.sendall(b"goodbye")
            connection.close()
        client = self.client(self.target(speak).port)
        self.assertEqual(client.until_closed(), 1000)
        self.assertEqual((client.output, client.closed["Output"]), (b"goodbye", ""))

    def test_a_refused_port_is_silence_first(self):
        self.lab.faults(crash_report_ms=1500)
        client = self.client(unused_port())
        lost = client.send(b"hello?")
        self.drain(client)
        self.assertNotIn(lost.sequence, client.acknowledged)
        client.until_closed()
        self.assertIn("document process failed unexpectedly: ipc messaging received timeout signal , check",
                      client.closed["Output"])

    def test_terminate_after_a_refused_port(self):
        client = self.client(unused_port())
        self.drain(client, 0.3)
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        client.until_closed()
        wait_for("its end", lambda: self.lab.status()["open_sessions"] == 0)

    def test_the_handshake_times_out(self):
        self.lab.faults(handshake_timeout_ms=700)
        client = Client(self.lab, self.lab.start(self.target().port))
        client.until("the request", lambda: client.handshakes)
        client.until_closed()
        self.assertTrue(client.closed["Output"].endswith(
            "Handshake timed out. Please ensure that you have the latest version of the session manager plugin."))

    def test_a_failed_action(self):
        client = Client(self.lab, self.lab.start(self.target().port))
        client.until("the request", lambda: client.handshakes)
        client.send(client.response(2, "no idea"), HANDSHAKE_RESPONSE)
        client.until_closed()
        self.assertEqual(client.closed["Output"], "Encountered error while initiating handshake. SessionType failed on "
                                                  "client with status 2 error: no idea")

    def test_a_second_response_blocks_the_agent(self):
        client = self.client()
        client.send(client.response(), HANDSHAKE_RESPONSE)
        lost = client.send(b"never read")
        self.drain(client)
        self.assertNotIn(lost.sequence, client.acknowledged)
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        client.until_closed()

    def test_a_header_length_kills_the_receive_loop(self):
        client = self.client()
        message = Message("input_stream_data", b"x", client.sent, 0, OUTPUT)
        client.websocket.send(struct.pack("!I", 5000) + message.encode()[4:])
        lost = client.send(b"never read")
        self.drain(client)
        self.assertNotIn(lost.sequence, client.acknowledged)
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        client.until_closed()

    def test_idle_sessions_end(self):
        client = self.client()
        self.lab.faults(idle_timeout_s=1)
        client.until_closed()
        self.assertEqual(client.closed["Output"],
                         "Your session timed out due to inactivity and has been terminated.")

    def test_a_session_that_nobody_connects_to_ends(self):
        self.lab.faults(handshake_timeout_ms=500)
        session = self.lab.start(self.target().port)
        self.assertEqual(self.lab.session(session["SessionId"])["status"], "Connected")
        wait_for("its end", lambda: self.lab.status()["open_sessions"] == 0)

    # ---- connections that come and go ----

    def test_resume(self):
        client = self.client()
        client.until_acknowledged(client.send(b"before"))
        client.until("echo", lambda: client.output == b"before")
        client.websocket.drop()
        wait_for("the drop", lambda: not self.lab.session(client.session["SessionId"])["client_connected"])
        old = client.session["TokenValue"]
        client.resume()
        self.assertNotEqual(client.session["TokenValue"], old)
        client.until_acknowledged(client.send(b" after"))
        client.until("echo", lambda: client.output == b"before after")
        self.lab.faults(drop_client_connections=True)
        client.until_closed()
        client.resume()
        client.until_acknowledged(client.send(b" again"))
        client.until("echo", lambda: client.output == b"before after again")
        other = Client(self.lab, dict(client.session, TokenValue=old))
        self.assertEqual(other.until_closed(), 1000)

    def test_output_made_while_the_client_is_away(self):
        gate = threading.Event()

        def speak(connection):
            gate.wait(60)
            connection.sendall(b"you were away")
            connection.recv(1)
        client = self.client(self.target(speak).port)
        client.websocket.drop()
        wait_for("the drop", lambda: not self.lab.session(client.session["SessionId"])["client_connected"])
        gate.set()
        time.sleep(0.3)
        client.resume()
        client.until("what was said", lambda: client.output == b"you were away")

    def test_the_agent_comes_back(self):
        client = self.client()
        self.lab.faults(drop_agent_connections=True)
        client.until("pause and start",
                     lambda: client.published[-2:] == ["pause_publication", "start_publication"])
        client.until_acknowledged(client.send(b"still there"))
        client.until("echo", lambda: client.output == b"still there")

    def test_a_close_frame_with_a_code(self):
        client = self.client()
        self.lab.faults(close_client_connections=1001)
        self.assertEqual(client.until_closed(), 1001)
        client.resume()
        client.until_acknowledged(client.send(b"x"))

    def test_refused_upgrades(self):
        session = self.lab.start(self.target().port)
        self.lab.faults(refuse_upgrades=1, upgrade_status=503)
        with self.assertRaises(Refused) as refused:
            Client(self.lab, session)
        self.assertEqual(refused.exception.args[0], 503)
        Client(self.lab, session).handshake()

    def test_many_sessions_at_once(self):
        target = self.target()
        clients = [self.client(target.port) for _ in range(40)]
        for i, client in enumerate(clients):
            client.send(b"%d" % i)
        for i, client in enumerate(clients):
            client.until("its echo", lambda: client.output == b"%d" % i)
            client.send(TERMINATE, FLAG)
        for client in clients:
            client.until_closed()
        wait_for("the end of all", lambda: self.lab.status()["open_sessions"] == 0)
