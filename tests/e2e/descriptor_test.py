"""Standard descriptors of every kind, and how they are left."""

import fcntl
import os
import pty
import random
import socket
import subprocess
import threading

from lab_case import LabCase, TcpPeer
from workspace import HELD_OPEN

SIZE = 300000


def read_all(connection, size):
    received = b""
    while len(received) < size:
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
    return received


class DescriptorTest(LabCase):
    def setUp(self):
        super().setUp()
        seed = random.randrange(2 ** 32)
        print("seed %d" % seed)
        self.data = random.Random(seed).randbytes(SIZE)

    def source(self):
        return TcpPeer(self, lambda connection: connection.sendall(self.data))

    def echo(self):
        return TcpPeer(self, lambda connection: connection.sendall(read_all(connection, SIZE)))

    def test_nothing_but_tunnel_bytes_on_stdout(self):
        peer = self.source()
        done = self.checked(self.run_connect("--debug", "node", peer.port, stdin=HELD_OPEN))
        self.assertEqual(done.stdout, self.data)

    def test_nothing_on_stderr_when_all_is_well(self):
        done = self.checked(self.run_connect("node", self.source().port, stdin=HELD_OPEN))
        self.assertEqual(done.stderr, b"")

    def test_stderr_that_nobody_reads_holds_up_nothing(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.set_blocking(writing, False)
        try:
            while True:
                os.write(writing, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writing, True)
        client = self.connect("--debug", "node", self.source().port, stderr=writing)
        os.close(writing)
        self.assertEqual(client.stdout.read(), self.data)
        self.assertEqual(self.wait_for_exit(client), 0)
        self.lab.wait_for_no_session()

    def test_stdin_is_a_regular_file(self):
        with open(self.work.write("input", self.data), "rb") as file:
            done = self.checked(self.run_connect("node", self.echo().port, stdin=file))
        self.assertEqual(done.stdout, self.data)

    def test_stdout_is_a_regular_file(self):
        with open(self.work.path("output"), "wb") as file:
            self.checked(self.run_connect("node", self.source().port, stdin=HELD_OPEN, stdout=file))
        with open(self.work.path("output"), "rb") as file:
            self.assertEqual(file.read(), self.data)

    def test_stdin_and_stdout_are_regular_files(self):
        with open(self.work.write("input", self.data), "rb") as file, open(self.work.path("output"), "wb") as output:
            self.checked(self.run_connect("node", self.echo().port, stdin=file, stdout=output))
        with open(self.work.path("output"), "rb") as file:
            self.assertEqual(file.read(), self.data)

    def test_stdin_cannot_be_read(self):
        folder = os.open(self.work.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            done = self.run_connect("node", self.source().port, stdin=folder)
        finally:
            os.close(folder)
        self.assertEqual(done.returncode, 71)
        self.assertIn(b"standard input: Is a directory", done.stderr)
        self.lab.wait_for_no_session()

    def test_stdin_that_cannot_be_read_stays_the_reason_when_the_connection_is_lost_meanwhile(self):
        is_over = threading.Event()

        def serve(connection):
            while not is_over.wait(0.1):  # less than the quiet that would end the session
                connection.sendall(b"x")

        folder = os.open(self.work.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            client = self.connect("node", TcpPeer(self, serve).port, stdin=folder)
        finally:
            os.close(folder)
        self.assertEqual(client.stdout.read(1), b"x")
        self.lab.faults(drop_client_connections=True)
        self.lab.wait_until("a second connection", lambda status: status["counters"]["client_connections"] == 2)
        is_over.set()
        self.assertEqual(self.wait_for_exit(client), 71)
        self.assertIn(b"standard input: Is a directory", client.stderr.read())
        self.lab.wait_for_no_session()

    def test_stdin_is_dev_null(self):
        done = self.checked(self.run_connect("node", self.source().port, stdin=subprocess.DEVNULL))
        self.assertEqual(done.stdout, self.data)

    def test_stdout_is_dev_null(self):
        self.checked(self.run_connect("node", self.source().port, stdin=HELD_OPEN, stdout=subprocess.DEVNULL))

    def test_stdout_is_full(self):
        with open("/dev/full", "wb") as full:
            done = self.run_connect("node", self.source().port, stdin=HELD_OPEN, stdout=full)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"No space left", done.stderr)
        self.lab.wait_for_no_session()

    def test_stdin_and_stdout_are_one_socket(self):
        near, far = socket.socketpair()
        client = self.connect("node", self.echo().port, stdin=far, stdout=far)
        far.close()
        near.settimeout(60)
        near.sendall(self.data)
        self.assertEqual(read_all(near, SIZE), self.data)
        near.close()
        self.wait_for_exit(client)
        self.lab.wait_for_no_session()

    def assert_flags_unchanged(self, *descriptors, end):
        """Runs a session whose stdin and stdout are these; `end` makes it end."""
        before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in descriptors]
        peer = TcpPeer(self, lambda connection: (connection.sendall(b"SSH-2.0-peer\r\n"), connection.recv(1)))
        client = self.connect("node", peer.port, stdin=descriptors[0], stdout=descriptors[1], stderr=descriptors[-1])
        self.lab.wait_for_sessions(1)
        end(client)
        self.wait_for_exit(client)
        self.assertEqual([fcntl.fcntl(fd, fcntl.F_GETFL) for fd in descriptors], before)

    def test_flags_of_pipes_are_left_as_found(self):
        for nonblocking in (False, True):
            with self.subTest(nonblocking=nonblocking):
                ends = os.pipe() + os.pipe()
                os.set_blocking(ends[0], not nonblocking)
                os.set_blocking(ends[3], not nonblocking)
                self.assert_flags_unchanged(ends[0], ends[3], end=lambda _: os.write(ends[1], b"x"))
                for end in ends:
                    os.close(end)

    def test_flags_of_a_terminal_are_left_as_found(self):
        master, slave = pty.openpty()
        self.assert_flags_unchanged(slave, slave, slave, end=lambda client: client.terminate())
        os.close(master)
        os.close(slave)
