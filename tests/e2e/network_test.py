"""ssm-proxy on a machine of its own, which is a network namespace: its link goes down and up, and its address changes, which
leaves the old connection in a black hole. The service is at 127.0.0.1 as ever, on the other side of the link. The test and
everything that it starts live in a second namespace, so that nothing of the machine's own network is touched."""

import ctypes
import os
import shutil
import subprocess
import threading
import time
import unittest

from lab_case import LabCase, TcpPeer
from workspace import program, show

CLONE_NEWNET = 0x40000000
NEAR, FAR = "10.77.0.%d", "10.77.0.1"
LINE_EVERY = 0.01
PING_INTERVAL = 2
WITHIN = 40  # of which 2 * PING_INTERVAL are for noticing; the rest is for pauses between tries and a busy machine


def enter_new_network():
    """This thread, and whatever it starts from now on."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        raise unittest.SkipTest("no network namespace may be made here: " + os.strerror(ctypes.get_errno()))


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(command), show(done.stdout)))


class Machine:
    """A namespace with one link to ours. Addresses of loopback are routed over the link, which route_localnet allows, because
    the lab's certificate and control interface are for loopback."""

    def __init__(self, work):
        self.holder = work.start(["unshare", "-n", "sleep", "3600"])
        self.inside = ["nsenter", "-t", str(self.holder.pid), "-n"]
        self._wait_for_namespace()
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "far", "type", "veth", "peer", "name", "near", "netns", str(self.holder.pid))
        run("ip", "address", "add", FAR + "/24", "dev", "far")
        run("ip", "link", "set", "far", "up")
        self._allow_loopback([], "far")
        self._allow_loopback(self.inside, "near")
        self.address = None
        self.connect(2)

    def _wait_for_namespace(self):
        ours = os.readlink("/proc/self/task/%d/ns/net" % threading.get_native_id())
        deadline = time.monotonic() + 60
        while os.readlink("/proc/%d/ns/net" % self.holder.pid) == ours:
            if time.monotonic() > deadline:
                raise AssertionError("unshare -n made no namespace")
            time.sleep(0.01)

    @staticmethod
    def _allow_loopback(prefix, device):
        setting = "/proc/sys/net/ipv4/conf/%s/route_localnet" % device
        done = subprocess.run([*prefix, "sh", "-c", "echo 1 >" + setting], stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest("%s cannot be set here: %s" % (setting, show(done.stderr).strip()))

    def run(self, *command):
        run(*self.inside, *command)

    def disconnect(self):
        """Down, which takes the routes away, too."""
        self.run("ip", "link", "set", "near", "down")

    def connect(self, number):
        """Up, with this address, and no other."""
        if self.address:
            self.run("ip", "address", "flush", "dev", "near")
        self.address = NEAR % number
        self.run("ip", "address", "add", self.address + "/24", "dev", "near")
        self.run("ip", "link", "set", "near", "up")
        self.run("ip", "route", "add", "127.0.0.1/32", "via", FAR, "dev", "near")


class Lines:
    """Writes numbered lines into a client all the time; what its peer sends back must be the same lines."""

    def __init__(self, client):
        self.client = client
        self.written = self.came = 0
        self.wrong = None
        self._stop = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        for thread in self.threads:
            thread.start()

    def _write(self):
        try:
            while not self._stop.wait(LINE_EVERY):
                self.client.stdin.write(b"%d\n" % self.written)
                self.client.stdin.flush()
                self.written += 1
        except BrokenPipeError:
            pass  # whoever waits for the lines says so

    def _read(self):
        for line in self.client.stdout:
            if line != b"%d\n" % self.came:
                self.wrong = self.wrong or "line %d is %r" % (self.came, line)
            self.came += 1

    def stop(self):
        self._stop.set()
        self.threads[0].join()

    def wait_for(self, count):
        """Until so many came; returns how long that took."""
        begin = time.monotonic()
        while self.came < count and not self.wrong and self.client.poll() is None and time.monotonic() < begin + WITHIN:
            time.sleep(0.01)
        return time.monotonic() - begin


class NetworkTest(LabCase):
    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("network namespaces with a link between them need root")
        if not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
            self.skipTest("ip(8), unshare(1) or nsenter(1) is missing")
        enter_new_network()
        run("ip", "link", "set", "lo", "up")
        super().setUp()
        self.machine = Machine(self.work)

    def open_lines(self):
        def serve(connection):
            while piece := connection.recv(4096):
                connection.sendall(piece)
        client = self.work.start(
            [*self.machine.inside, program("ssm-proxy"), "connect", "--ping-interval", str(PING_INTERVAL), "--debug", "node",
             str(TcpPeer(self, serve).port)], env=self.lab.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=open(self.work.path("client.log"), "wb"))
        lines = Lines(client)
        lines.wait_for(50)
        self.check(lines, 50)
        return lines

    def log(self):
        with open(self.work.path("client.log"), "rb") as log:
            return show(log.read())

    def check(self, lines, least):
        if lines.wrong or lines.came < least:
            self.fail("%s; %d lines written, %d came back; exit status %s\n%s" % (
                lines.wrong, lines.written, lines.came, lines.client.poll(), self.log()[-4000:]))

    def check_resumed(self, lines, what):
        """What was written until now comes back, over another connection; then everything, and the end."""
        seconds = lines.wait_for(lines.came + 20)
        print("%s: the lines come again after %.1f s" % (what, seconds))
        lines.stop()
        lines.wait_for(lines.written)
        self.check(lines, lines.written)
        self.assertGreaterEqual(self.lab.counter("client_connections"), 2, self.log())
        self.assertNotIn("in time", self.log(), "a try was spent on a connection that is dead")
        self.assertEqual(self.lab.counter("started"), 1)
        lines.client.stdin.close()
        self.assertEqual(self.wait_for_exit(lines.client), 0, self.log())
        self.lab.wait_for_no_session()

    def test_a_link_that_is_down_for_a_while(self):
        lines = self.open_lines()
        self.machine.disconnect()
        time.sleep(3 * PING_INTERVAL)
        self.machine.connect(2)
        self.check_resumed(lines, "link down for %d s" % (3 * PING_INTERVAL))

    def test_another_address(self):
        lines = self.open_lines()
        self.machine.connect(3)
        self.check_resumed(lines, "another address")
