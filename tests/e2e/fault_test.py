"""ssm-proxy, and OpenSSH through it, while the laboratory does everything wrong that it can: what arrives is right, or the
session ends with the reason."""

import hashlib
import os
import subprocess
import threading
import time

from lab_case import LabCase, TcpPeer

KIB = 1024
MIB = 1024 * KIB


class FaultCase(LabCase):
    """The faults begin when the handshake is over: before that nothing is lost but a new session."""

    def open_echo(self, *options):
        """A client whose session to an echo server is open."""
        def serve(connection):
            while piece := connection.recv(65536):
                connection.sendall(piece)
        client = self.connect(*options, "node", TcpPeer(self, serve).port)
        self.echo(client, b"x")
        return client

    def echo(self, client, data):
        def write():
            client.stdin.write(data)
            client.stdin.flush()
        writer = threading.Thread(target=write, daemon=True)  # both pipes can be full
        writer.start()
        self.assertEqual(hashlib.sha256(client.stdout.read(len(data))).digest(), hashlib.sha256(data).digest())

    def end(self, client):
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0, client.stderr.read())
        self.lab.wait_for_no_session()


class DamageTest(FaultCase):
    def repaired(self, counter, **faults):
        client = self.open_echo()
        self.lab.faults(**faults)
        for _ in range(4):
            self.echo(client, os.urandom(2 * KIB))
        struck = self.lab.counter(counter)
        self.assertGreater(struck, 0, "nothing was damaged")
        self.assertGreaterEqual(self.lab.counter("retransmissions"), 1)
        self.lab.faults(reset=True)
        self.end(client)

    def test_corruption_towards_the_client_is_repaired(self):
        self.repaired("faults_corrupted", corrupt_to_client_percent=50)

    def test_truncation_towards_the_client_is_repaired(self):
        self.repaired("faults_truncated", truncate_to_client_percent=50)

    def ssh_meets(self, **faults):
        """An ssh that sends 4 KiB towards the agent under these faults. Nobody but sshd checks what arrives there."""
        self.start_node()
        client = self.work.start(["ssh", "-F", self.config, "node", "echo ready; cat"], env=self.lab.environment(),
                                 stdin=-1, stdout=-1, stderr=-1)
        self.assertEqual(client.stdout.readline(), b"ready\n")
        self.lab.faults(**faults)
        self.send(client, b"a" * 4 * KIB)
        return client

    def send(self, client, data):
        try:
            client.stdin.write(data)
            client.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended already

    def assert_sshd_noticed(self, client):
        self.assertEqual(self.wait_for_exit(client), 255)
        self.assertEqual(client.stdout.read(), b"", "something was echoed")
        self.assertRegex(self.node.log(), "message authentication code incorrect|Corrupted MAC|Bad packet length")
        self.lab.faults(reset=True)
        self.lab.wait_for_no_session()

    def test_corruption_towards_the_agent_ends_ssh(self):
        client = self.ssh_meets(corrupt_to_agent_percent=100)
        self.assert_sshd_noticed(client)
        self.assertGreater(self.lab.counter("faults_corrupted"), 0)

    def test_truncation_towards_the_agent_ends_ssh(self):
        client = self.ssh_meets(truncate_to_agent_percent=100)
        self.lab.wait_until("damage", lambda status: status["counters"]["faults_truncated"] > 0)
        self.lab.faults(reset=True)
        self.send(client, b"b" * 64 * KIB)  # sshd waits for as many bytes as were cut off
        self.assert_sshd_noticed(client)


class WireTest(FaultCase):
    def transferred(self, **faults):
        self.lab.faults(**faults)
        client = self.open_echo()
        for size in (1, 100 * KIB, 64 * KIB, 1):
            self.echo(client, os.urandom(size))
        self.end(client)

    def test_fragments(self):
        self.transferred(fragment_percent=60)

    def test_frames_in_pieces(self):
        self.transferred(split_writes=True)

    def test_fragments_in_pieces(self):
        self.transferred(fragment_percent=100, split_writes=True)

    def test_merged_messages(self):
        self.transferred(merge_ms=20)

    def test_a_storm_of_publication_messages(self):
        self.transferred(publication_storm_every_ms=2)


class OutageTest(FaultCase):
    def test_refused_resume_ends_it_at_once(self):
        client = self.open_echo()
        self.lab.faults(refuse_resumes=1000, drop_client_connections=True)
        self.assertEqual(self.wait_for_exit(client), 77)
        self.assertIn(b"ssm:ResumeSession", client.stderr.read())
        self.lab.faults(reset=True)

    def test_refused_by_an_error_that_passes_is_tried_again(self):
        client = self.open_echo()
        self.lab.faults(refuse_resumes=2, resume_error="ThrottlingException", drop_client_connections=True)
        self.echo(client, b"y")
        self.end(client)

    def test_slow_resume(self):
        client = self.open_echo()
        self.lab.faults(resume_delay_ms=1500, drop_client_connections=True)
        self.echo(client, b"y")
        self.lab.faults(resume_delay_ms=0)
        self.end(client)

    def test_the_gateway_restarts(self):
        client = self.open_echo("--debug")
        self.lab.faults(restart_gateway={"down_ms": 700})
        self.echo(client, os.urandom(100 * KIB))
        self.assertEqual(self.lab.counter("client_connections"), 2)
        self.end(client)

    def test_a_session_that_begins_while_the_gateway_is_away(self):
        self.lab.faults(restart_gateway={"down_ms": 60000})
        self.assert_refused(self.run_connect("--connect-timeout", "1", "node", 22, stdin=subprocess.DEVNULL), 75, "connection refused")
        self.lab.wait_for_no_session()
        self.lab.faults(restart_gateway={"down_ms": 700})
        self.end(self.open_echo())

    def test_connections_that_are_of_no_use_come_less_and_less_often(self):
        client = self.open_echo()
        self.lab.faults(drop_client_after=1)
        client.stdin.write(b"y")
        client.stdin.flush()
        before = self.lab.counter("client_connections")
        time.sleep(1.5)  # without pauses between them, hundreds of connections
        self.assertLess(self.lab.counter("client_connections") - before, 15)
        self.lab.faults(reset=True)
        self.assertEqual(client.stdout.read(1), b"y")
        self.end(client)

    def test_connections_that_last_1000_messages(self):
        client = self.open_echo()
        self.lab.faults(drop_client_after=1000)
        for _ in range(8):
            self.echo(client, os.urandom(100 * KIB))
        self.lab.faults(drop_client_after=0)
        self.assertGreater(self.lab.counter("client_connections"), 2)
        self.end(client)

    def test_an_agent_whose_connections_last_200_messages(self):
        client = self.open_echo()
        self.lab.faults(drop_agent_after=200)
        for _ in range(20):  # what comes while the agent is away waits, and passes over fewer connections
            self.echo(client, os.urandom(100 * KIB))
            if self.lab.counter("agent_connections") > 2:
                break
        self.lab.faults(drop_agent_after=0)
        self.assertGreater(self.lab.counter("agent_connections"), 2)
        self.end(client)

    def test_an_hourly_close_ten_times_a_second(self):
        client = self.open_echo()
        self.lab.faults(close_client_every_ms=100)
        for _ in range(5):
            before = self.lab.counter("client_connections")
            self.lab.wait_until("a resume", lambda status, before=before: status["counters"]["client_connections"] > before)
            self.echo(client, os.urandom(20 * KIB))
        self.lab.faults(close_client_every_ms=0)
        self.end(client)

    def test_an_agent_whose_target_is_stuck(self):
        """It hears no pong meanwhile, and connects anew again and again."""
        self.lab.faults(stuck_reconnect_ms=100)
        data, arrived, goes_on = os.urandom(16 * MIB), hashlib.sha256(), threading.Event()

        def serve(connection):
            goes_on.wait(60)
            left = len(data)
            while left > 0 and (piece := connection.recv(65536)):
                arrived.update(piece)
                left -= len(piece)
            connection.sendall(b"all")
        client = self.connect("node", TcpPeer(self, serve).port)
        threading.Thread(target=lambda: (client.stdin.write(data), client.stdin.flush()), daemon=True).start()
        self.lab.wait_until("returns of the agent", lambda status: status["counters"]["agent_connections"] > 3)
        goes_on.set()
        self.assertEqual(client.stdout.read(3), b"all")
        self.assertEqual(arrived.digest(), hashlib.sha256(data).digest())
        self.assertEqual(self.wait_for_exit(client), 0, client.stderr.read())
        self.lab.wait_for_no_session()
