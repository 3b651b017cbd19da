"""A signal in every phase of a connection: it leaves in time, and no session is left open at the service."""

import os
import signal
import time

from bad_gateway import BadGateway
from lab_case import NODE_ID, LabCase, TcpPeer, kill

# What leaving may take with a peer that does not answer is 5 s; the rest is for a machine under load. What it does not wait
# for takes 30 s and more.
LIMIT_SECONDS = 20


def echo(connection):
    while piece := connection.recv(4096):
        connection.sendall(piece)


def flood(connection):
    while True:
        connection.sendall(b"z" * 65536)


class LeaveCase(LabCase):
    def wait_until(self, what, condition, timeout=60):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                self.fail("not within %d s: %s" % (timeout, what))
            time.sleep(0.02)

    def leaves(self, client, sessions=1, number=signal.SIGTERM):
        """After one signal it is gone, with no session at the service and no record of one."""
        self.assertIsNone(client.poll(), "it was gone before the signal")
        self.assertEqual(self.lab.status()["open_sessions"], sessions)
        kill(client, number)
        self.assertEqual(self.wait_for_exit(client, LIMIT_SECONDS), 128 + number)
        self.lab.wait_for_no_session()
        self.assertEqual(self.records(), [])

    def records(self):
        path = os.path.join(self.work.state, "ssm-bridge", "sessions")
        return os.listdir(path) if os.path.exists(path) else []

    def open_echo(self, *options):
        client = self.connect(*options, NODE_ID, TcpPeer(self, echo).port)
        client.stdin.write(b"x")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(1), b"x")
        return client


class ConnectingTest(LeaveCase):
    def test_while_the_name_is_looked_up(self):
        self.lab.faults(api_delay_ms=60000)
        client = self.connect("node")
        self.wait_until("a call", lambda: self.lab.counter("api_calls") > 0)
        self.leaves(client, sessions=0)

    def test_while_the_session_starts(self):
        self.lab.faults(start_session_delay_ms=1000)
        client = self.connect(NODE_ID)
        self.wait_until("a call", lambda: self.lab.counter("api_calls") > 0)
        self.leaves(client, sessions=0)
        self.assertEqual(self.lab.counter("started"), 1)

    def leaves_gateway(self, mode):
        with BadGateway(self.lab.info["server_certificate"], self.lab.info["server_key"], mode) as gateway:
            environment = self.lab.environment(AWS_ENDPOINT_URL_SSMMESSAGES="https://127.0.0.1:%d" % gateway.port(mode))
            client = self.connect(NODE_ID, env=environment)
            self.wait_until("a session", lambda: self.lab.status()["open_sessions"] == 1)
            self.wait_until("a connection", lambda: gateway.connections.get(mode, 0) > 0)
            self.leaves(client)

    def test_while_the_gateway_does_not_speak_tls(self):
        self.leaves_gateway("stall_tls")

    def test_while_the_gateway_does_not_answer_the_upgrade(self):
        self.leaves_gateway("stall")

    def test_while_the_agent_does_not_answer(self):
        self.lab.faults(no_handshake=True)
        client = self.connect(NODE_ID)
        self.lab.wait_for_sessions(1)
        self.leaves(client)


class ResumingTest(LeaveCase):
    def test_while_the_gateway_refuses(self):
        client = self.open_echo("--debug")
        self.lab.faults(refuse_upgrades=1000, drop_client_connections=True)
        self.wait_for_words(client, b"could not be resumed yet")
        self.leaves(client)

    def test_while_the_api_does_not_answer_resume(self):
        client = self.open_echo("--debug")
        self.lab.faults(resume_delay_ms=60000, drop_client_connections=True)
        self.wait_for_words(client, b"resuming the session")
        self.leaves(client)

    def wait_for_words(self, client, words):
        said = b""
        while words not in said:
            line = client.stderr.readline()
            self.assertNotEqual(line, b"", said)
            said += line


class BlockedOutputTest(LeaveCase):
    def blocked(self):
        """A client whose standard output nobody reads, and which has more to write."""
        client = self.connect(NODE_ID, TcpPeer(self, flood).port)
        client.stdout.read(1)
        self.lab.wait_for_sessions(1)
        time.sleep(1)
        return client

    def test_while_nobody_reads(self):
        self.leaves(self.blocked())

    def test_sighup_while_nobody_reads(self):
        self.leaves(self.blocked(), number=signal.SIGHUP)

    def test_while_nobody_reads_and_the_connection_is_lost(self):
        client = self.blocked()
        self.lab.faults(refuse_upgrades=1000, drop_client_connections=True)
        self.leaves(client)


class SecondSignalTest(LeaveCase):
    def leaves_at_once(self, client, first, second):
        """Nothing answers; the first signal would take 5 s, the second does not wait. The next run ends the session."""
        kill(self.lab.process, signal.SIGSTOP)
        try:
            kill(client, first)
            time.sleep(0.5)
            self.assertIsNone(client.poll(), "the first signal left nothing to the second")
            started = time.monotonic()
            kill(client, second)
            self.assertEqual(self.wait_for_exit(client, LIMIT_SECONDS), 128 + first)
            self.assertLess(time.monotonic() - started, 4)
        finally:
            kill(self.lab.process, signal.SIGCONT)
        self.assertEqual(len(self.records()), 1)
        self.lab.faults(reset=True)
        self.checked(self.run_connect(NODE_ID, TcpPeer(self, lambda connection: connection.sendall(b"hello")).port))
        self.lab.wait_for_no_session()
        self.assertEqual(self.records(), [])

    def test_a_second_sigint_leaves_at_once(self):
        self.leaves_at_once(self.open_echo(), signal.SIGINT, signal.SIGINT)

    def test_sigterm_after_the_sighup_of_ssh_leaves_at_once(self):
        self.leaves_at_once(self.open_echo(), signal.SIGHUP, signal.SIGTERM)

    def test_a_second_signal_leaves_at_once_while_resuming(self):
        client = self.open_echo()
        self.lab.faults(refuse_upgrades=1000, drop_client_connections=True)
        self.leaves_at_once(client, signal.SIGTERM, signal.SIGTERM)
