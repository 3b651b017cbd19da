"""Connections that are lost: the session is resumed, nothing is lost and nothing comes twice."""

import contextlib
import hashlib
import os
import signal
import threading
import time

from lab_case import LabCase, TcpPeer
from workspace import program

MIB = 1024 * 1024


class ResumeCase(LabCase):
    def drop_every(self, seconds, stop):
        """Cuts the clients' connections again and again; returns how often."""
        drops = 0
        stop.wait(0.3)  # a session that the agent has not answered yet has nothing to resume
        while not stop.wait(seconds):
            self.lab.faults(drop_client_connections=True)
            drops += 1
        return drops

    def while_dropping(self, seconds, work):
        stop = threading.Event()
        drops = []
        dropper = threading.Thread(target=lambda: drops.append(self.drop_every(seconds, stop)))
        dropper.start()
        try:
            result = work()
        finally:
            stop.set()
            dropper.join()
        return result, drops[0]

    def file_of(self, name, size):
        path = self.work.path(name)
        with open(path, "wb") as file:
            file.write(os.urandom(size))
        return path

    def digest(self, path):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def scp(self, source, target):
        return self.checked(self.work.run(["scp", "-q", "-F", self.config, source, target], 240, env=self.lab.environment()))


class ResumeTest(ResumeCase):
    def test_scp_up_while_the_connection_is_cut(self):
        self.start_node()
        source, target = self.file_of("up", 128 * MIB), self.work.path("up-copy")
        _, drops = self.while_dropping(0.2, lambda: self.scp(source, "node:" + target))
        self.assertGreater(drops, 1, "it was over before it was cut")
        self.assertEqual(self.digest(source), self.digest(target))
        self.lab.wait_for_no_session()

    def test_a_counting_shell_misses_nothing(self):
        self.start_node()
        script = "for i in $(seq 1 300); do echo $i; sleep 0.01; done"
        done, drops = self.while_dropping(0.5, lambda: self.checked(self.ssh(script)))
        self.assertGreater(drops, 1)
        self.assertEqual(done.stdout.split(), [b"%d" % i for i in range(1, 301)])

    def open_echo(self, *options):
        """A client whose session to an echo server is open."""
        def serve(connection):
            while piece := connection.recv(4096):
                connection.sendall(piece)
        client = self.connect(*options, "node", TcpPeer(self, serve).port)
        client.stdin.write(b"x")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(1), b"x")
        return client

    def test_a_session_that_is_over_ends_at_once_with_its_reason(self):
        client = self.open_echo()
        self.lab.faults(no_token=True, drop_client_connections=True)
        self.assertEqual(self.wait_for_exit(client), 69)
        self.assertIn(b"session ended: the session is over", client.stderr.read())

    def test_a_session_that_the_service_has_forgotten_ends_at_once_with_its_reason(self):
        client = self.open_echo()
        self.lab.faults(refuse_resumes=1, resume_error="DoesNotExistException", drop_client_connections=True)
        self.assertEqual(self.wait_for_exit(client), 69)
        self.assertIn(b"session ended: DoesNotExistException", client.stderr.read())
        self.lab.wait_for_no_session()

    def test_an_api_that_fails_is_tried_again(self):
        client = self.open_echo()
        self.lab.faults(fail_next=3, drop_client_connections=True)
        client.stdin.write(b"y")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(1), b"y")
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0)
        self.lab.wait_for_no_session()

    def test_a_gateway_that_falls_silent(self):
        client = self.open_echo("--ping-interval", "1", "--debug")
        self.lab.process.send_signal(signal.SIGSTOP)
        words = self.read_words(client, b"nothing comes from the gateway")
        self.lab.process.send_signal(signal.SIGCONT)
        client.stdin.write(b"y")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(1), b"y")
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertIn(b"the session goes on", words + client.stderr.read())

    def read_words(self, client, words):
        """What the client says until it says that."""
        said = b""
        while words not in said:
            line = client.stderr.readline()
            self.assertNotEqual(line, b"", said)
            said += line
        return said

    def test_an_agent_that_does_not_begin_gets_another_session(self):
        self.lab.faults(no_handshake=True)
        client = self.connect("node", TcpPeer(self, lambda connection: connection.sendall(b"hello")).port)
        self.lab.wait_for_sessions(1)
        self.lab.faults(no_handshake=False)
        self.assertEqual(client.stdout.read(), b"hello")
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(self.lab.counter("started"), 2)
        self.lab.wait_for_no_session()

    def test_it_gives_up_in_time(self):
        def serve(connection):
            connection.sendall(b"hello")
            connection.recv(1)
        client = self.connect("--resume-timeout", "1", "node", TcpPeer(self, serve).port)
        self.assertEqual(client.stdout.read(5), b"hello")
        self.lab.faults(fail_next=1000, drop_client_connections=True)
        self.assertEqual(self.wait_for_exit(client), 75)
        words = client.stderr.read()
        self.assertIn(b"connection lost: ", words)
        self.assertIn(b"; it could not be resumed within the --resume-timeout", words)
        self.lab.faults(reset=True)

    def test_it_gives_up_in_time_when_nobody_answers(self):
        client = self.open_echo("--resume-timeout", "1")
        self.lab.faults(resume_delay_ms=60000, drop_client_connections=True)
        began = time.monotonic()
        self.assertEqual(self.wait_for_exit(client), 75)
        self.assertLess(time.monotonic() - began, 18, "a try of 20 s")
        self.assertIn(b"--resume-timeout", client.stderr.read())

    def test_a_signal_ends_it_while_it_resumes(self):
        client = self.open_echo()
        self.lab.faults(fail_next=2, drop_client_connections=True)
        client.terminate()
        self.assertEqual(self.wait_for_exit(client), 128 + 15)
        self.lab.faults(reset=True)
        self.run_connect("node", TcpPeer(self, lambda connection: connection.sendall(b"bye")).port)
        self.lab.wait_for_no_session()


class LargePayloadTest(ResumeCase):
    """--payload-size, to a gateway that takes large messages and to one that closes the connection upon them."""

    def setUp(self):
        super().setUp()
        self.start_node()

    def copy(self, size):
        """scp of a file through a proxy with --payload-size 65536; returns what the proxy said."""
        log = self.work.path("proxy.log")
        command = "%s connect --debug --payload-size 65536 -- %%n %%p 2>%s" % (program("ssm-proxy"), log)
        source, target = self.file_of("up", size), self.work.path("up-copy")
        self.checked(self.work.run(["scp", "-q", "-F", self.config, "-o", "ProxyCommand=" + command, source, "node:" + target],
                                   240, env=self.lab.environment()))
        self.assertEqual(self.digest(source), self.digest(target))
        self.lab.wait_for_no_session()
        with open(log, "rb") as file:
            return file.read()

    def test_scp_with_large_payloads(self):
        words = self.copy(16 * MIB)
        self.assertIn(b"payloads of 65536 bytes", words)
        self.assertNotIn(b"resuming", words)

    def test_scp_with_large_payloads_while_the_connection_is_cut(self):
        words, drops = self.while_dropping(0.3, lambda: self.copy(64 * MIB))
        self.assertGreater(drops, 0, "it was over before it was cut")
        self.assertIn(b"the session goes on", words)

    def test_a_gateway_that_closes_upon_a_large_message(self):
        self.lab.faults(max_message_bytes=32 * 1024)
        words = self.copy(16 * MIB)
        self.assertIn(b"code 1009", words)
        self.assertEqual(words.count(b"resuming"), 1)
        self.assertIn(b"payloads of 1024 bytes", words)

    def test_a_gateway_that_takes_them_no_longer(self):
        def serve(connection):
            connection.sendall(b"hello")
            while connection.recv(65536):
                pass
        client = self.connect("--payload-size", "65536", "node", TcpPeer(self, serve).port)
        self.assertEqual(client.stdout.read(5), b"hello")
        client.stdin.write(bytes(4 * MIB))
        client.stdin.flush()
        self.lab.faults(max_message_bytes=32 * 1024)
        with contextlib.suppress(BrokenPipeError):
            client.stdin.write(bytes(16 * MIB))
            client.stdin.flush()
        self.assertEqual(self.wait_for_exit(client), 75)
        self.assertIn(b"use --payload-size 1024", client.stderr.read())


class AgentThatPausesTest(ResumeCase):
    """What was under way to the client when its connection was cut comes back at ten messages a second, whatever a client
    does; so the agent is not to be far ahead."""

    lab_options = ()

    def test_scp_down_while_the_connection_is_cut(self):
        self.start_node()
        source, target = self.file_of("down", 3 * MIB), self.work.path("down-copy")
        _, drops = self.while_dropping(0.8, lambda: self.scp("node:" + source, target))
        self.assertGreater(drops, 0, "it was over before it was cut")
        self.assertEqual(self.digest(source), self.digest(target))
