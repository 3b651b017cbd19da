"""Sessions through ssm-lab, seen from a client that shares no code with it."""

import os
import struct
import threading
import time

from emulator_support import (FLAG, HANDSHAKE_RESPONSE, OFFLINE, OUTPUT, Client, Closed, Lab, Message, Refused, Target,
                              WebSocket, run, unused_port, wait_for)

lab = Lab("--seed", "1")
target = Target()


def open_client(port=None, **options):
    return Client(lab, lab.start(port or target.port, **options)).handshake()


def counters():
    return lab.status()["counters"]


def test_refuses_what_is_not_connected():
    for name in (OFFLINE, "i-00000000000000000", "nonsense"):
        status, kind, answer = lab.api("StartSession", {"Target": name, "DocumentName": "AWS-StartSSHSession"})
        assert (status, kind) == (400, "TargetNotConnected") and name + " is not connected." == answer["message"]


def test_refuses_bad_tokens_and_paths():
    session = lab.start(target.port)
    path = session["StreamUrl"].split(lab.gateway_address.netloc, 1)[1]
    assert "+" in path and "/" in path.split("cell-number=")[1] and path.endswith("=="), path
    for wrong in (path.replace("+", "%2B"), path.split("&")[0], path + "&x=1", path.replace("role=", "rule=")):
        try:
            Client(lab, session, connect=False).connect(path=wrong)
            raise AssertionError("accepted " + wrong)
        except Refused as refused:
            assert refused.args[0] in (400, 403), refused
    try:
        Client(lab, session, connect=False).connect(path=path.replace("/v1/data-channel/", "/v1/data-channel/x"))
        raise AssertionError("accepted an unknown session")
    except Refused as refused:
        assert refused.args[0] == 404
    client = Client(lab, session, connect=False)
    client.connect(token="A" * 300)
    assert client.until_closed() in (1000, None) and not client.handshakes
    binary = WebSocket(lab, path)
    binary.send(b"{}")
    try:
        binary.recv()
        raise AssertionError("a binary first message was accepted")
    except Closed:
        pass
    Client(lab, session).handshake()


def test_echo():
    client = open_client()
    data = os.urandom(5000)
    sent = [client.send(data[i:i + 1000]) for i in range(0, 5000, 1000)]
    client.until_acknowledged(sent[0])
    for message in sent[1:]:
        client.until_acknowledged(message)
    client.until("the echo", lambda: client.output == data)
    assert client.published[0] == "start_publication"
    assert lab.session(client.session["SessionId"])["status"] == "Connected"
    client.websocket.ping(b"are you there")
    client.send(b"x")
    client.until("another echo", lambda: len(client.output) == 5001)
    assert client.websocket.pongs == [b"are you there"]


def test_large_messages_come_in_fragments():
    client = open_client()
    data = os.urandom(65536)
    client.until_acknowledged(client.send(data))
    client.until("64 KiB back", lambda: client.output == data, 20)


def test_data_in_handshake_is_acknowledged_and_lost():
    client = Client(lab, lab.start(target.port))
    client.until("the request", lambda: client.handshakes)
    before = counters()["discarded_in_handshake"]
    lost = client.send(b"lost")
    client.until_acknowledged(lost)
    client.send(client.response(), HANDSHAKE_RESPONSE)
    client.until("completion", lambda: len(client.handshakes) == 2)
    client.until_acknowledged(client.send(b"kept"))
    client.until("the echo", lambda: client.output != b"")
    assert client.output == b"kept" and counters()["discarded_in_handshake"] == before + 1


def test_duplicates_and_order():
    client = open_client()
    first = Message("input_stream_data", b"one", client.sent, 0, OUTPUT)
    second = Message("input_stream_data", b"two", client.sent + 1, 0, OUTPUT)
    client.websocket.send(second.encode())
    client.until("an acknowledgement ahead of its turn", lambda: second.sequence in client.acknowledged)
    assert client.output == b""
    client.websocket.send(second.encode())
    client.until("the second one again", lambda: client.acknowledged.count(second.sequence) == 2)
    client.until_acknowledged(first)
    client.until("both in order", lambda: client.output == b"onetwo")
    client.websocket.send(first.encode())
    client.until("a late duplicate's", lambda: client.acknowledged.count(first.sequence) >= 2)
    client.sent += 2
    client.until_acknowledged(client.send(b"three"))
    client.until("no repetition", lambda: client.output == b"onetwothree")


def test_agent_repeats_the_oldest():
    client = Client(lab, lab.start(target.port))
    request = Message.decode(client.websocket.recv())
    while request.kind != "output_stream_data":
        request = Message.decode(client.websocket.recv())
    began = time.monotonic()
    again = Message.decode(client.websocket.recv())
    waited = time.monotonic() - began
    assert (again.id, again.sequence) == (request.id, 0) and 0.1 < waited < 0.6, waited


def test_gateway_acknowledges_for_a_client_that_does_not():
    """The real plugin is silent about duplicates; the agent would repeat for ever."""
    client = open_client()
    client.ack_duplicates = False
    lab.faults(no_relay_to_agent=True)
    message = Message("input_stream_data", b"x", client.sent, 0, OUTPUT)
    client.websocket.send(message.encode())
    lab.faults(no_relay_to_agent=False)
    client.until_acknowledged(message)
    client.sent += 1
    client.until("echo", lambda: client.output == b"x")
    before = counters()["retransmissions"]
    time.sleep(0.5)
    assert counters()["retransmissions"] <= before + 1


def test_terminate_flag():
    before = counters()["terminated_by_flag"]
    client = open_client()
    data = client.send(b"last words")
    flag = client.send(struct.pack("!I", 2), FLAG)
    client.until_acknowledged(data)
    client.until_acknowledged(flag)
    assert client.until_closed() == 1000 and client.closed["Output"] == ""
    assert lab.session(client.session["SessionId"])["status"] == "Terminated"
    assert counters()["terminated_by_flag"] == before + 1


def test_disconnect_flag_fails_an_ssh_session():
    client = open_client()
    client.send(struct.pack("!I", 1), FLAG)
    client.until_closed()
    assert client.closed is not None


def test_terminate_api():
    client = open_client()
    answer = lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
    assert answer == {"SessionId": client.session["SessionId"]}
    assert client.until_closed() == 1000 and client.closed["Output"] == ""
    wait_for("its end", lambda: lab.session(client.session["SessionId"])["status"] == "Terminated")
    answer = lab.must("ResumeSession", {"SessionId": client.session["SessionId"]})
    assert "TokenValue" not in answer
    lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})


def test_service_ends_it():
    client = open_client()
    lab.terminate(client.session["SessionId"], "Because.")
    client.until_closed()
    assert client.closed["Output"] == "Because."


def test_target_ends():
    def speak(connection):
        connection.sendall(b"goodbye")
        connection.close()
    speaker = Target(speak)
    client = open_client(speaker.port)
    assert client.until_closed() == 1000
    assert client.output == b"goodbye" and client.closed["Output"] == ""


def test_refused_port_is_silence_first():
    lab.faults(crash_report_ms=1500)
    client = open_client(unused_port())
    lab.faults(reset=True)
    lost = client.send(b"hello?")
    try:
        while True:
            message = client.step(1)
            assert message.kind in ("pause_publication", "acknowledge"), message.kind
    except TimeoutError:
        pass
    assert lost.sequence not in client.acknowledged
    client.until_closed()
    assert "document process failed unexpectedly" in client.closed["Output"]


def test_resume():
    client = open_client()
    client.until_acknowledged(client.send(b"before"))
    client.until("echo", lambda: client.output == b"before")
    client.websocket.drop()
    wait_for("the drop", lambda: not lab.session(client.session["SessionId"])["client_connected"])
    old = client.session["TokenValue"]
    client.resume()
    assert client.session["TokenValue"] != old
    client.until_acknowledged(client.send(b" after"))
    client.until("echo", lambda: client.output == b"before after")
    lab.faults(drop_client_connections=True)
    client.until_closed()
    client.resume()
    client.until_acknowledged(client.send(b" again"))
    client.until("echo", lambda: client.output == b"before after again")
    other = Client(lab, dict(client.session, TokenValue=old))
    assert other.until_closed() in (1000, None)


def test_agent_comes_back():
    client = open_client()
    lab.faults(drop_agent_connections=True)
    client.until("pause and start", lambda: client.published[-2:] == ["pause_publication", "start_publication"])
    client.until_acknowledged(client.send(b"still there"))
    client.until("echo", lambda: client.output == b"still there")


def test_handshake_timeout_and_refusal():
    lab.faults(handshake_timeout_ms=700)
    client = Client(lab, lab.start(target.port))
    lab.faults(reset=True)
    client.until("the request", lambda: client.handshakes)
    client.until_closed()
    assert client.closed["Output"].endswith("Handshake timed out. Please ensure that you have the latest version of "
                                            "the session manager plugin.")
    client = Client(lab, lab.start(target.port))
    client.until("the request", lambda: client.handshakes)
    client.send(client.response(2, "no idea"), HANDSHAKE_RESPONSE)
    client.until_closed()
    assert client.closed["Output"] == ("Encountered error while initiating handshake. SessionType failed on client with "
                                       "status 2 error: no idea")


def test_second_response_blocks_the_agent():
    client = open_client()
    client.send(client.response(), HANDSHAKE_RESPONSE)
    lost = client.send(b"never read")
    try:
        while True:
            client.step(1)
    except TimeoutError:
        pass
    assert lost.sequence not in client.acknowledged and client.output == b""
    lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
    client.until_closed()


def test_header_length_kills_the_receive_loop():
    client = open_client()
    message = Message("input_stream_data", b"x", client.sent, 0, OUTPUT)
    client.websocket.send(struct.pack("!I", 5000) + message.encode()[4:])
    lost = client.send(b"never read")
    try:
        while True:
            client.step(1)
    except TimeoutError:
        pass
    assert lost.sequence not in client.acknowledged
    lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
    client.until_closed()


def test_digest_is_not_looked_at():
    client = open_client()
    message = Message("input_stream_data", b"wrong digest", client.sent, 0, OUTPUT)
    wire = bytearray(message.encode())
    wire[80:112] = bytes(32)
    client.sent += 1
    client.websocket.send(bytes(wire))
    client.until("the echo all the same", lambda: client.output == b"wrong digest", 10)


def test_stalled_target_stops_reading():
    gate = threading.Event()
    total = 48 * 1024 * 1024

    def stall(connection):
        gate.wait(20)
        got = 0
        while got < total:
            got += len(connection.recv(1 << 20))
        connection.sendall(b"all")
        connection.close()
    sink = Target(stall)
    client = open_client(sink.port)
    client.websocket.fragment = 1 << 20
    done = threading.Event()

    def pump():
        for _ in range(total // 65536):
            client.send(bytes(65536))
        done.set()
    threading.Thread(target=pump, daemon=True).start()
    assert not done.wait(2), "everything was swallowed"
    with open(f"/proc/{lab.ready['pid']}/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    limit = 200 if os.environ.get("SSM_SANITIZED") else 40
    assert resident < limit * 1024 * 1024, resident
    gate.set()
    assert done.wait(30)  # one thread at a time at a TLS socket
    client.until("the end", lambda: client.output == b"all", 60)


def test_port_forwarding_dials_again():
    def once(connection):
        connection.sendall(connection.recv(100).upper())
        connection.close()
    speaker = Target(once)
    client = open_client(speaker.port, document="AWS-StartPortForwardingSession", localPortNumber="0")
    for word in (b"first", b"second", b"third"):
        seen = len(client.output)
        client.until_acknowledged(client.send(word))
        client.until("its answer", lambda: client.output[seen:] == word.upper())
    wait_for("three connections", lambda: speaker.connections >= 3)
    client.send(struct.pack("!I", 2), FLAG)
    client.until_closed()


def test_idle_sessions_end():
    client = open_client()
    lab.faults(idle_timeout_s=1)
    client.until_closed(20)
    lab.faults(reset=True)
    assert client.closed["Output"] == "Your session timed out due to inactivity and has been terminated."


def test_faults_do_not_lose_data():
    client = open_client()
    client.is_strict = False
    lab.faults(loss_percent=10, duplicate_percent=10, reorder_percent=10, delay_ms=2)
    data = os.urandom(6000)
    for i in range(0, 6000, 500):
        client.until_acknowledged(client.send(data[i:i + 500]), 30)
    client.until("the echo", lambda: client.output == data, 30)
    lab.faults(reset=True)


def test_nothing_is_left_open():
    for session in lab.status()["sessions"]:
        lab.must("TerminateSession", {"SessionId": session["id"]})
    wait_for("the end of all", lambda: lab.status()["open_sessions"] == 0)
    lab.stop()


run([value for name, value in list(globals().items()) if name.startswith("test_")])
