"""ssm-proxy forward: programs of this machine that connect to ports of a node, many at once."""

import contextlib
import hashlib
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

from disturbance import Disturbance
from lab import PATIENCE_SECONDS
from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase, TcpPeer, kill
from loopback import bind_loopback
from workspace import program, show

KIB = 1024
MIB = 1024 * KIB


def content(size):
    """Bytes that any loss, repetition or mix-up changes: no two sizes share a part."""
    return hashlib.shake_128(b"%d" % size).digest(size)


def serve_http(connection):
    """GET /SIZE, again and again: what content(SIZE) gives."""
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            piece = connection.recv(4096)
            if not piece:
                return
            pending += piece
        request, pending = pending.split(b"\r\n\r\n", 1)
        body = content(int(request.split()[1][1:]))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class Browser:
    """One connection that asks for things."""

    def __init__(self, place):
        self.socket = socket.socket(socket.AF_UNIX) if isinstance(place, str) else socket.socket(
            socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(place)

    def ask(self, size):
        self.socket.sendall(b"GET /%d HTTP/1.1\r\nHost: node\r\n\r\n" % size)

    def answer(self, size):
        """Whether the whole answer is the right one."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        return self.take(len(head) + size) == head + content(size)

    def get(self, size):
        self.ask(size)
        return self.answer(size)

    def take(self, size):
        pieces = []
        while size > 0:
            piece = self.socket.recv(min(size, MIB))
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self):
        self.socket.close()


class ForwardCase(LabCase):
    def forward(self, *words, env=None):
        return self.work.start([program("ssm-proxy"), "forward", *map(str, words)], env=env or self.lab.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_forward(self, *words):
        return self.work.run([program("ssm-proxy"), "forward", *map(str, words)], PATIENCE_SECONDS, env=self.lab.environment())

    def place(self, process):
        """Where connections are taken, from the next line that it prints."""
        line = process.stdout.readline().decode()
        if not line:
            self.fail("it ended: " + show(process.stderr.read()))
        local, remote = line.rstrip("\n").split("\t")
        self.assertRegex(remote, r":[0-9]+$")
        if "/" in local:
            return local
        address, port = local.rsplit(":", 1)
        return address.strip("[]"), int(port)

    def open_http(self, *options):
        """A forward to a web server, and where it takes connections."""
        peer = TcpPeer(self, serve_http)
        process = self.forward(*options, NODE_ID, "0:%d" % peer.port)
        return process, self.place(process)

    def browser(self, place):
        browser = Browser(place)
        self.addCleanup(browser.close)
        return browser

    def end(self, process, number=signal.SIGINT):
        """After the signal it is gone, and so are its sessions. Gives what it said."""
        kill(process, number)
        _, words = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 128 + number, show(words))
        self.lab.wait_for_no_session()
        self.assertEqual(self.records(), [])
        return show(words)

    def records(self):
        path = os.path.join(self.work.state, "ssm-bridge", "sessions")
        return os.listdir(path) if os.path.exists(path) else []


class RefusedTest(ForwardCase):
    def refused(self, code, *words, arguments):
        message = self.assert_refused(self.run_forward(*arguments), code, *words)
        self.assertEqual(self.lab.counter("started"), 0, message)

    def test_words_that_make_no_sense(self):
        self.refused(64, "ssm-proxy forward --help", arguments=(NODE_ID,))
        self.refused(64, "8080:db:80", "3 to 253", arguments=(NODE_ID, "8080:db:80"))
        self.refused(64, "ssh -L", arguments=(NODE_ID, "0:/run/docker.sock"))
        self.refused(71, "no address", arguments=(NODE_ID, "nowhere:0:80"))

    def test_a_port_that_is_taken(self):
        ipv4, ipv6 = bind_loopback()
        with ipv4, ipv6:
            port = ipv4.getsockname()[1]
            ipv4.listen()
            self.refused(71, str(port), "in use", arguments=(NODE_ID, "0:81", "%d:80" % port))
            ipv4.close()
            ipv6.listen()  # who connects to localhost would come out there
            self.refused(71, "::1", "in use", arguments=(NODE_ID, "%d:80" % port))

    def test_a_socket_that_is_taken(self):
        path = self.work.path("taken.sock")
        with open(path, "wb") as file:
            file.write(b"mine")
        self.refused(71, path, "exists", arguments=(NODE_ID, path + ":80"))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"mine")
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            self.refused(71, path, "exists", arguments=(NODE_ID, path + ":80"))

    def test_what_the_node_cannot_do(self):
        self.refused(69, "not connected", arguments=(OFFLINE_NODE_ID, "0:80"))
        done = self.run_forward("--document-name", "AWS-StartSSHSession", NODE_ID, "0:80")
        self.assert_refused(done, 69, "not supported", "LocalPortForwarding")
        done = self.run_connect("--document-name", "AWS-StartPortForwardingSession", NODE_ID)
        self.assert_refused(done, 69, "not supported", "AWS-StartSSHSession")
        self.lab.wait_for_no_session()


class LoadCase(ForwardCase):
    def load(self, place, browsers, sizes):
        """Each browser asks for every size on one connection; gives how many answers were wrong or missing."""
        wrong = []

        def browse(number):
            try:
                browser = Browser(place)
                wrong.extend(size for size in sizes if not browser.get(size + number))
                browser.close()
            except OSError as failure:
                wrong.append(failure)

        threads = [threading.Thread(target=browse, args=(number,)) for number in range(browsers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class ResumeTest(LoadCase):
    lab_options = ()  # an agent without its pauses has thousands of messages on the way, each of which comes again by itself

    def test_connections_outlive_the_cuts(self):
        process, place = self.open_http()
        with Disturbance(self.lab, client_every=0.8, agent_every=2) as cuts:
            while self.lab.counter("client_connections") < 3:
                self.load(place, 10, (1, 20 * KIB, 30 * KIB))
        self.assertGreater(cuts.clients, 1, str(cuts))
        self.assertEqual(self.lab.counter("started"), 1)
        self.end(process)


class ForwardTest(LoadCase):
    def test_50_connections(self):
        process, place = self.open_http()
        self.load(place, 50, (0, 1, 1000, 100 * KIB, 300 * KIB, 7))
        self.assertEqual(self.lab.counter("started"), 1)
        self.end(process)

    def test_both_loopback_addresses_and_one_port(self):
        process, (address, port) = self.open_http()
        self.assertEqual(address, "127.0.0.1")
        for other in ("127.0.0.1", "::1"):
            self.assertTrue(self.browser((other, port)).get(5000))
        listening = self.work.run(["ss", "-Hltn", "sport = :%d" % port], PATIENCE_SECONDS).stdout.decode()
        self.assertEqual(sorted(line.split()[3] for line in listening.splitlines()),
                         ["127.0.0.1:%d" % port, "[::1]:%d" % port])
        self.end(process, signal.SIGTERM)

    def test_several_ways_at_once(self):
        """A port, a host that the node reaches, an address, a unix socket: a session each."""
        peer = TcpPeer(self, serve_http)
        path = self.work.path("web.sock")
        process = self.forward(NODE_ID, "0:%d" % peer.port, "0:127.0.0.1:%d" % peer.port, "*:0:%d" % peer.port, "%s:%d" % (
            path, peer.port))
        places = [self.place(process) for _ in range(4)]
        self.assertEqual(places[2][0], "0.0.0.0")
        self.assertEqual(places[3], path)
        self.assertEqual(os.stat(path).st_mode & 0o077, 0, "others may connect to the socket")
        self.assertEqual(self.lab.status()["open_sessions"], 4)
        for place in places:
            self.load(place, 3, (10, 50 * KIB))
        self.end(process)
        self.assertFalse(os.path.exists(path))

    def test_a_socket_that_a_killed_run_has_left(self):
        peer = TcpPeer(self, serve_http)
        path = self.work.path("web.sock")
        for _ in range(2):
            process = self.forward(NODE_ID, "%s:%d" % (path, peer.port))
            self.place(process)
            kill(process)
            process.communicate(timeout=PATIENCE_SECONDS)
            self.assertTrue(os.path.exists(path))
        process = self.forward(NODE_ID, "%s:%d" % (path, peer.port))
        self.assertTrue(self.browser(self.place(process)).get(100))
        self.end(process)

    def test_a_port_that_refuses_ends_nothing_else(self):
        ipv4, ipv6 = bind_loopback()  # nobody listens there
        with ipv4, ipv6:
            port = ipv4.getsockname()[1]
            peer = TcpPeer(self, serve_http)
            process = self.forward(NODE_ID, "0:%d" % port, "0:%d" % peer.port)
            refused, good = self.place(process), self.place(process)
            for _ in range(3):
                self.assertEqual(self.browser(refused).take(1), b"")
            self.assertTrue(self.browser(good).get(1000))
            ipv6.close()
            ipv4.listen()  # and now somebody does
            browser = self.browser(refused)
            server, _ = ipv4.accept()
            with server:
                server.sendall(b"hello")
                self.assertEqual(browser.take(5), b"hello")
            words = self.end(process)
        self.assertEqual(len(re.findall("cannot connect to localhost:%d" % port, words)), 1, words)

    def test_an_answer_after_the_end_of_the_question(self):
        """What a program has sent all of is not cut off before its answer."""
        def serve(connection):
            question = b""
            while len(question) < 300 * KIB:
                question += connection.recv(65536)
            time.sleep(0.5)
            connection.sendall(hashlib.sha256(question).digest())

        process = self.forward(NODE_ID, "0:%d" % TcpPeer(self, serve).port)
        browser = self.browser(self.place(process))
        browser.socket.sendall(content(300 * KIB))
        browser.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(browser.take(100), hashlib.sha256(content(300 * KIB)).digest())
        self.end(process)

    def test_the_server_learns_that_a_program_has_gone(self):
        gone = threading.Event()

        def serve(connection):
            connection.sendall(b"x")
            while connection.recv(100):
                pass
            gone.set()

        process = self.forward(NODE_ID, "0:%d" % TcpPeer(self, serve).port)
        browser = self.browser(self.place(process))
        self.assertEqual(browser.take(1), b"x")
        browser.close()
        self.assertTrue(gone.wait(PATIENCE_SECONDS))
        self.end(process)


class StalledTest(ForwardCase):
    SIZE = 12 * MIB

    def test_one_that_does_not_read_is_closed_when_others_wait(self):
        process, place = self.open_http("--ping-interval", "600")  # no ping wakes it: it goes on by itself
        other = self.browser(place)
        self.assertTrue(other.get(10))
        stalled = self.browser(place)
        stalled.ask(40 * MIB)
        self.assertEqual(len(stalled.take(10)), 10)
        while not select.select([process.stderr], [], [], 0)[0]:
            self.assertTrue(other.get(100 * KIB))
        self.assertIn("does not read any more", process.stderr.readline().decode())
        self.assertTrue(other.get(MIB))
        left = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := stalled.socket.recv(MIB):  # what was on its way; then its end
                left += len(piece)
        self.assertLess(left, 30 * MIB)
        self.end(process)

    def test_one_that_is_alone_may_pause_and_one_that_is_slow_loses_nothing(self):
        process, place = self.open_http()
        alone = self.browser(place)
        alone.ask(self.SIZE)
        time.sleep(3)
        self.assertTrue(alone.answer(self.SIZE))
        other = self.browser(place)
        self.assertTrue(other.get(10))
        alone.ask(self.SIZE)
        expected = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.SIZE + content(self.SIZE)
        got = b""
        for _ in range(6):
            time.sleep(0.7)
            got += alone.take(MIB)
        got += alone.take(len(expected) - len(got))
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(expected).digest())
        self.assertTrue(other.get(1000))
        self.assertNotIn("does not read", self.end(process))

    def test_memory_is_bounded(self):
        def resident():
            with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
                return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * KIB

        process, place = self.open_http()
        alone = self.browser(place)
        self.assertTrue(alone.get(10))
        before = resident()
        alone.ask(60 * MIB)
        time.sleep(1.5)
        self.assertLess(resident() - before, 38 * MIB)
        self.end(process)


class EndTest(ForwardCase):
    def test_signals_while_it_begins_and_while_it_resumes(self):
        self.lab.faults(start_session_delay_ms=1000)
        process = self.forward(NODE_ID, "0:80")
        self.lab.wait_until("a call", lambda status: status["counters"]["api_calls"] > 0)
        self.end(process)
        self.lab.faults(start_session_delay_ms=0)
        process, place = self.open_http()
        self.assertTrue(self.browser(place).get(10))
        self.lab.faults(fail_next=2, drop_client_connections=True)
        kill(process, signal.SIGINT)
        self.assertEqual(self.wait_for_exit(process), 130)
        self.lab.faults(reset=True)
        process, _ = self.open_http()  # ends what could not be ended then
        self.end(process)

    def test_one_session_that_the_service_ends_leaves_the_other(self):
        peer = TcpPeer(self, serve_http)
        process = self.forward(NODE_ID, "0:%d" % peer.port, "0:%d" % peer.port)
        first, second = self.place(process), self.place(process)
        session_id = self.lab.status()["sessions"][0]["id"]
        self.lab.terminate(session_id, "Your session timed out due to inactivity and has been terminated.")
        self.assertIn("inactivity", process.stderr.readline().decode())
        open_places = []
        for place in (first, second):
            try:
                open_places += [place] if self.browser(place).get(100) else []
            except OSError:
                pass
        self.assertEqual(len(open_places), 1)
        kill(process, signal.SIGINT)
        self.assertEqual(self.wait_for_exit(process), 69, "the exit code of what failed")
        self.lab.wait_for_no_session()

    def test_an_agent_that_does_not_begin_gets_another_session(self):
        self.lab.faults(no_handshake=True)
        process = self.forward(NODE_ID, "0:%d" % TcpPeer(self, serve_http).port)
        self.lab.wait_for_sessions(1)
        self.lab.faults(no_handshake=False)
        self.assertTrue(self.browser(self.place(process)).get(100))
        self.assertEqual(self.lab.counter("started"), 2)
        self.end(process)
