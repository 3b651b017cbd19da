"""200 transfers of random sizes through `ssm-proxy connect` to a TCP peer: up, down and echoed; fast, slow and stalling
readers and writers; every byte compared."""

import os
import random
import subprocess
import threading
import time

from lab_case import LabCase, TcpPeer
from workspace import show

KIB = 1024
MIB = 1024 * KIB
DONE = b"all of it"
EDGES = (0, 1, 2, 1023, 1024, 1025, 4096, 65535, 65536, 65537, 1000 * 1024)


class Pace:
    """How one side reads or writes: piece sizes, a pause now and then, perhaps one long stall."""

    def __init__(self, chance):
        self.name = chance.choice(("fast", "fast", "slow", "stalling", "small pieces"))
        self.piece = {"fast": 256 * KIB, "slow": 32 * KIB, "stalling": 128 * KIB, "small pieces": chance.randint(200, 1500)}[self.name]
        self.stall_at = chance.randint(1, 20) if self.name == "stalling" else 0
        self.count = 0

    def wait(self):
        self.count += 1
        if self.name == "slow":
            time.sleep(0.004)
        elif self.count == self.stall_at:
            time.sleep(0.5)


class Transfer:
    def __init__(self, seed, largest):
        chance = random.Random(seed)
        self.seed = seed
        self.kind = chance.choice(("up", "down", "echo"))
        edges = [size for size in EDGES if size <= largest]
        self.size = chance.choice(edges) if chance.random() < 0.2 else int(largest * chance.random() ** 2)
        self.near_write, self.near_read, self.far_write, self.far_read = (Pace(chance) for _ in range(4))
        self.data = chance.randbytes(self.size)
        self.arrived = bytearray()  # at the peer, for up and echo

    def __str__(self):
        return "seed %d: %s of %d bytes; client writes %s, reads %s; peer writes %s, reads %s" % (
            self.seed, self.kind, self.size, self.near_write.name, self.near_read.name, self.far_write.name, self.far_read.name)

    def expected(self):
        return DONE if self.kind == "up" else self.data

    def serve(self, connection):
        """The peer's side. It closes when everything is through, which ends the session."""
        if self.kind == "down":
            self._send(connection, self.data)
            return
        while len(self.arrived) < self.size:
            self.far_read.wait()
            piece = connection.recv(self.far_read.piece)
            if not piece:
                return
            self.arrived += piece
            if self.kind == "echo":
                connection.sendall(piece)
        if self.kind == "up":
            connection.sendall(DONE)

    def _send(self, connection, data):
        for start in range(0, len(data), self.far_write.piece):
            self.far_write.wait()
            connection.sendall(data[start:start + self.far_write.piece])

    def write_to(self, stream):
        """The client's side; the stream stays open, so that it is the peer who ends the session."""
        if self.kind == "down":
            return
        try:
            for start in range(0, self.size, self.near_write.piece):
                self.near_write.wait()
                stream.write(self.data[start:start + self.near_write.piece])
                stream.flush()
        except BrokenPipeError:
            pass  # the other checks say why

    def read_from(self, stream):
        received = bytearray()
        while True:
            self.near_read.wait()
            piece = stream.read1(self.near_read.piece)
            if not piece:
                return received
            received += piece


class TransferCase(LabCase):
    def transfer(self, transfer):
        peer = TcpPeer(self, transfer.serve)
        client = self.connect("node", peer.port)
        watchdog = threading.Timer(60, client.kill)
        watchdog.start()
        writer = threading.Thread(target=transfer.write_to, args=(client.stdin,))
        writer.start()
        received = transfer.read_from(client.stdout)
        status = client.wait()
        writer.join()
        watchdog.cancel()
        message = show(client.stderr.read())
        peer.close()
        self.work.stop(client)
        self.assertEqual(status, 0, "%s\n%s" % (transfer, message))
        self.assertEqual(peer.accepted, 1, str(transfer))
        if transfer.kind != "down":
            self.assert_same(transfer, transfer.data, transfer.arrived, "arrived at the peer")
        self.assert_same(transfer, transfer.expected(), received, "came back")

    def assert_same(self, transfer, expected, actual, where):
        if bytes(expected) == bytes(actual):
            return
        first = next((at for at, pair in enumerate(zip(expected, actual)) if pair[0] != pair[1]), min(len(expected), len(actual)))
        self.fail("%s\n%s: %d of %d bytes, different from byte %d on" % (transfer, where, len(actual), len(expected), first))

    def transfer_many(self, count, largest):
        first_seed = int(os.environ.get("SSM_SEED") or random.randrange(2 ** 31))
        print("SSM_SEED=%d repeats this" % first_seed)
        for seed in range(first_seed, first_seed + count):
            self.transfer(Transfer(seed, largest))
        self.lab.wait_for_no_session()


class TransferTest(TransferCase):
    def test_30_transfers_a(self):
        self.transfer_many(30, 8 * MIB)

    def test_30_transfers_b(self):
        self.transfer_many(30, 8 * MIB)

    def test_30_transfers_c(self):
        self.transfer_many(30, 8 * MIB)

    def test_30_transfers_d(self):
        self.transfer_many(30, 8 * MIB)

    def test_60_small_transfers(self):
        self.transfer_many(60, 128 * KIB)


class TransferFromPausingAgentTest(TransferCase):
    lab_options = ()

    def test_20_transfers_with_the_agents_pause(self):
        self.transfer_many(20, 256 * KIB)


class BadPathTest(LabCase):
    def test_uploads_over_a_path_that_delays_loses_and_reorders(self):
        data = bytes(range(256)) * 1200
        received = []

        def take(connection):
            got = bytearray()
            while len(got) < len(data):
                piece = connection.recv(65536)
                if not piece:
                    break
                got += piece
            received.append(bytes(got))
            connection.sendall(b"k")  # over such a path the agent may take it along when it ends

        peer = TcpPeer(self, take)
        self.lab.faults(loss_percent=5, duplicate_percent=10, reorder_percent=10, delay_ms=5)
        for _ in range(4):
            client = self.connect("node", peer.port, stderr=subprocess.DEVNULL)
            client.stdin.write(data)
            client.stdin.flush()
            self.wait_for_exit(client)
            self.assertEqual(received.pop(), data)
        self.lab.faults(reset=True)
        self.lab.wait_for_no_session()
