"""No session is left open, whichever way the client ends."""

import os
import signal
import subprocess
import time

from lab import Lab
from lab_case import NODE_ID, LabCase, TcpPeer, kill
from workspace import HELD_OPEN, show

KILLED_CLIENTS = 50


def greet_and_hold(connection):
    connection.sendall(b"SSH-2.0-peer\r\n")
    while connection.recv(4096):
        pass


def cpu_seconds(pid):
    """User and system time of a process: proc(5), fields 14 and 15 of its stat."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SessionEndTest(LabCase):
    def start_session(self, **options):
        """A connect whose peer has greeted and now waits."""
        peer = TcpPeer(self, greet_and_hold)
        client = self.connect("node", peer.port, **options)
        self.banner(client)
        self.assertEqual(self.lab.status()["open_sessions"], 1)
        return client

    def end_by_signal(self, number):
        client = self.start_session()
        kill(client, number)
        self.assertGreaterEqual(self.wait_for_exit(client), 0, "the signal's default action ended it")
        self.lab.wait_for_no_session()

    def test_sigterm(self):
        self.end_by_signal(signal.SIGTERM)

    def test_sighup(self):
        self.end_by_signal(signal.SIGHUP)

    def test_sigint(self):
        self.end_by_signal(signal.SIGINT)

    def test_signal_while_the_session_starts(self):
        self.lab.faults(start_session_delay_ms=1500)
        client = self.connect(NODE_ID, 22)
        self.lab.wait_until("StartSession", lambda status: status["counters"]["api_calls"] > 0)
        kill(client, signal.SIGTERM)
        self.wait_for_exit(client)
        # StartSession may have been under way; what it started then ends with the next run at the latest.
        self.lab.faults(start_session_delay_ms=0)
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        self.run_connect("node", peer.port)
        self.lab.wait_for_no_session()

    def test_output_that_waits_for_its_reader_after_the_end_costs_nothing(self):
        # more than a pipe holds, less than the client does: the session ends while the reader has not begun
        output = os.urandom(96 * 1024)
        client = self.connect("--ping-interval", "1", "node", TcpPeer(self, lambda connection: connection.sendall(output)).port)
        self.lab.wait_until("started", lambda status: status["counters"]["started"] == 1)
        self.lab.wait_for_no_session()
        time.sleep(1.5)  # a ping would be due by then
        before = cpu_seconds(client.pid)
        time.sleep(1)
        self.assertLess(cpu_seconds(client.pid) - before, 0.05)
        self.assertEqual(client.stdout.read(), output)
        self.assertEqual(self.wait_for_exit(client), 0)

    def test_peer_closes(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"SSH-2.0-short\r\n"))
        done = self.checked(self.run_connect("node", peer.port, stdin=HELD_OPEN))
        self.assertEqual(done.stdout, b"SSH-2.0-short\r\n")
        self.lab.wait_for_no_session()

    def test_stdin_and_stdout_closed(self):
        client = self.start_session()
        client.stdout.close()
        client.stdin.close()
        self.wait_for_exit(client)
        self.lab.wait_for_no_session()

    def test_stdin_closed_while_stdout_is_read(self):
        client = self.start_session()
        client.stdin.close()
        self.assertEqual(client.stdout.read(), b"")
        self.assertEqual(self.wait_for_exit(client), 0)
        self.lab.wait_for_no_session()

    def test_output_after_stdin_is_closed_is_delivered(self):
        def answer(connection):
            request = b""
            while not request.endswith(b"."):
                request += connection.recv(100)
            connection.sendall(b"the answer to " + request)

        peer = TcpPeer(self, answer)
        done = self.checked(self.run_connect("node", peer.port, input=b"a question."))
        self.assertEqual(done.stdout, b"the answer to a question.")
        self.lab.wait_for_no_session()

    def test_output_after_a_pause_of_the_client_is_delivered(self):
        def talk(connection):
            for _ in range(60):
                connection.sendall(b"y" * 10000)
                time.sleep(0.05)

        peer = TcpPeer(self, talk)
        client = self.connect("node", peer.port, stdin=subprocess.DEVNULL)
        got = len(client.stdout.read(10000))
        kill(client, signal.SIGSTOP)
        time.sleep(2.5)
        kill(client, signal.SIGCONT)
        got += len(client.stdout.read())
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(got, 600000)

    def test_slow_reader_gets_everything_after_the_peer_has_closed(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"z" * 110000))
        client = self.connect("node", peer.port)
        time.sleep(1)
        self.lab.wait_for_no_session()
        got = len(os.read(client.stdout.fileno(), 4096))
        time.sleep(6)
        got += len(client.stdout.read())
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(got, 110000)

    def test_leaves_in_time_when_nobody_reads_and_the_api_is_silent(self):
        peer = TcpPeer(self, lambda connection: (connection.sendall(b"z" * 1000000), time.sleep(60)))
        client = self.connect("node", peer.port)
        self.lab.wait_for_sessions(1)
        time.sleep(0.5)
        kill(self.lab.process, signal.SIGSTOP)
        try:
            started = time.monotonic()
            kill(client, signal.SIGTERM)
            self.wait_for_exit(client)
            self.assertLess(time.monotonic() - started, 15, "5 s, and a busy machine's; what it waits for takes 30 s")
        finally:
            kill(self.lab.process, signal.SIGCONT)

    def test_two_signals_while_the_session_starts(self):
        self.lab.faults(start_session_delay_ms=500)
        client = self.connect(NODE_ID, 22)
        self.lab.wait_until("StartSession", lambda status: status["counters"]["api_calls"] > 0)
        kill(client, signal.SIGINT)
        time.sleep(0.1)
        kill(client, signal.SIGINT)
        self.wait_for_exit(client)
        self.assertEqual(self.lab.counter("started"), 1, "a session whose id never arrives cannot be ended")
        self.lab.faults(start_session_delay_ms=0)
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        self.run_connect("node", peer.port)
        self.lab.wait_for_no_session()

    def test_service_ends_the_session_and_says_why(self):
        client = self.start_session()
        session = self.lab.status()["sessions"][0]["id"]
        self.lab.terminate(session, "Your session timed out due to inactivity and has been terminated.")
        _, message = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 69, message)
        self.assertIn(b"timed out due to inactivity", message)
        self.lab.wait_for_no_session()

    def test_ssh_exits(self):
        self.start_node()
        self.checked(self.ssh("true"))
        self.lab.wait_for_no_session()

    def test_ssh_killed_by_sigkill(self):
        self.start_node()
        client = self.work.start(["ssh", "-F", self.config, "node", "echo ready; cat"], env=self.lab.environment(),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(client.stdout.readline(), b"ready\n")
        self.lab.wait_for_sessions(1)
        kill(client)
        self.lab.wait_for_no_session()

    def kill_all(self, clients):
        """At once: one that goes on living would end the sessions of those that are killed before it."""
        for client in clients:
            kill(client, signal.SIGSTOP)
        for client in clients:
            kill(client)
            client.wait()

    def test_50_clients_killed_by_sigkill_are_ended_by_the_next_run(self):
        peer = TcpPeer(self, greet_and_hold)
        clients = [self.connect("node", peer.port) for _ in range(KILLED_CLIENTS)]
        for client in clients:
            self.banner(client)
        self.kill_all(clients)
        self.assertEqual(self.lab.status()["open_sessions"], KILLED_CLIENTS, "nobody could have ended them")
        records = os.path.join(self.work.state, "ssm-bridge", "sessions")
        client = self.connect("node", peer.port)  # beside whose tunnel they are ended; afterwards it would have 5 s for it
        self.banner(client)
        self.lab.wait_until("one session", lambda status: status["open_sessions"] == 1)
        client.stdin.close()
        self.assertEqual(self.wait_for_exit(client), 0, show(client.stderr.read()))
        self.lab.wait_for_no_session()
        self.assertEqual(os.listdir(records), [])

    def test_session_of_a_living_client_is_left_alone_by_the_next_run(self):
        living = self.start_session()
        short = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        self.checked(self.run_connect("node", short.port))
        self.assertIsNone(living.poll())
        self.lab.wait_for_sessions(1)
        living.stdin.close()
        self.wait_for_exit(living)

    def test_an_api_that_is_gone_does_not_keep_the_next_run_from_the_others(self):
        """One of two APIs accepts connections and says nothing, as behind a VPN that is gone."""
        peer = TcpPeer(self, greet_and_hold)
        gone = Lab(self.work, *self.lab_options)
        clients = [self.connect("node", peer.port, env=gone.environment()) for _ in range(4)]
        clients += [self.connect("node", peer.port) for _ in range(4)]
        for client in clients:
            self.banner(client)
        self.kill_all(clients)
        records = os.path.join(self.work.state, "ssm-bridge", "sessions")
        self.assertEqual(len(os.listdir(records)), 8)
        kill(gone.process, signal.SIGSTOP)
        client = self.connect("--debug", "node", peer.port)
        self.banner(client)
        deadline = time.monotonic() + 60
        while len(os.listdir(records)) > 5 and time.monotonic() < deadline:  # its own one is the fifth
            time.sleep(0.05)
        client.stdin.close()
        self.wait_for_exit(client)
        kill(gone.process, signal.SIGCONT)
        words = show(client.stderr.read())
        self.assertEqual(len(os.listdir(records)), 4, words)
        self.assertEqual(words.count("its API did not answer before"), 3, "it was asked more than once:\n" + words)
        self.lab.wait_for_no_session()
