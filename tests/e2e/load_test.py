"""100 tunnels at once through one ssm-lab that loses 1 % of the messages: each moves 1 MiB up and 256 KiB down at the same
time, every byte is compared, and what all of them take is printed. And 30 logins at once."""

import hashlib
import os
import random
import subprocess
import threading
import time

from key_login_test import KeyLoginCase
from lab_case import LabCase, TcpPeer
from workspace import show

KIB = 1024
TUNNELS = 100
UP = 1024 * KIB
DOWN = 256 * KIB
LOSS_PERCENT = 1
TIMEOUT = 240
LOGINS = 30


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def memory_kib(pid):
    """(peak resident, proportional) KiB of a process: shared pages count in full in the first, by share in the second."""
    with open("/proc/%d/status" % pid, encoding="ascii") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as rollup:
        return peak, next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


class Tunnel:
    """One client. Its peer greets with what goes down, and takes what comes up; the two know one another by a number."""

    def __init__(self, case, number, seed):
        self.number = number
        self.up, self.down = (random.Random("%d %d %s" % (seed, number, way)).randbytes(size) for way, size in (("up", UP), ("down", DOWN)))
        self.arrived, self.came = bytearray(), bytearray()
        self.up_is_whole = threading.Event()
        self.peer = TcpPeer(case, self.serve)
        self.client = case.connect("node", self.peer.port)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.write, self.read)]
        for thread in self.threads:
            thread.start()

    def serve(self, connection):
        sender = threading.Thread(target=connection.sendall, args=(self.down,), daemon=True)
        sender.start()
        while piece := connection.recv(64 * KIB):
            self.arrived += piece
            if len(self.arrived) >= UP:
                self.up_is_whole.set()
        sender.join()

    def write(self):
        try:
            self.client.stdin.write(self.up)
            self.client.stdin.flush()
        except BrokenPipeError:
            pass  # the comparison says that it did not arrive

    def read(self):
        while len(self.came) < DOWN:
            piece = self.client.stdout.read1(64 * KIB)
            if not piece:
                return
            self.came += piece

    def wait(self, deadline):
        """Until everything has gone both ways, or the time is up."""
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        self.up_is_whole.wait(max(0, deadline - time.monotonic()))


class LoadTest(LabCase):
    def test_100_tunnels_at_once_over_a_path_that_loses(self):
        seed = int(os.environ.get("SSM_SEED") or random.randrange(2 ** 31))
        print("SSM_SEED=%d repeats the data" % seed)
        self.lab.faults(loss_percent=LOSS_PERCENT)
        started = time.monotonic()
        tunnels = [Tunnel(self, number, seed) for number in range(TUNNELS)]
        # After a failure: ending them politely, one by one, would take minutes.
        self.addCleanup(lambda: [tunnel.client.kill() for tunnel in tunnels])
        for tunnel in tunnels:
            tunnel.wait(started + TIMEOUT)
        seconds = time.monotonic() - started
        self.print_memory(tunnels, seconds)
        self.assertGreater(self.lab.counter("faults_lost"), TUNNELS * UP / KIB * LOSS_PERCENT / 200, "nothing was lost")
        self.lab.faults(reset=True)
        for tunnel in tunnels:
            self.check(tunnel)
        self.lab.wait_for_no_session()

    def print_memory(self, tunnels, seconds):
        peaks, shares = zip(*(memory_kib(tunnel.client.pid) for tunnel in tunnels if tunnel.client.poll() is None))
        print("%d tunnels, %.1f s, %d messages lost" % (len(peaks), seconds, self.lab.counter("faults_lost")))
        print("memory of all: %.0f MB proportional (Pss); peak resident (VmHWM) %.0f MB in sum, %.1f MB at most for one" % (
            sum(shares) * KIB / 1e6, sum(peaks) * KIB / 1e6, max(peaks) * KIB / 1e6))

    def check(self, tunnel):
        client = tunnel.client
        client.stdin.close()
        client.stdout.close()
        try:
            status = client.wait(60)
        except subprocess.TimeoutExpired:
            status = None
        if status is None:
            self.work.stop(client)
        words = "tunnel %d: exit status %s, %d bytes up, %d bytes down" % (
            tunnel.number, status, len(tunnel.arrived), len(tunnel.came))
        message = "" if client.stderr.closed else show(client.stderr.read())
        self.assertEqual((sha256(tunnel.up), sha256(tunnel.down), 0),
                         (sha256(tunnel.arrived), sha256(tunnel.came), status), words + "\n" + message)


class KeyLoadTest(KeyLoginCase):
    def test_logins_with_a_key(self):
        """Thirty logins, of which some are told to slow down; one key for all of them."""
        self.throttle(LOGINS // 2)
        self.config = self.ssh_file("--key", "auto")
        running = [self.work.start(["ssh", "-F", self.config, "node", "echo", str(number)], env=self.lab.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for number in range(LOGINS)]
        ended = [(process.communicate(timeout=120), process.returncode) for process in running]
        self.assertEqual(ended, [((b"%d\n" % number, b""), 0) for number in range(LOGINS)])
        self.assertEqual(sorted(os.listdir(self.keys)), ["key-1", "lock", "lock-1"])
