"""Long transfers while the connection to the client is cut every 2 s, that to the agent every 5 s, and the gateway restarts
once; and a minute of a shell. What the cuts were is printed; too few of them are a failure."""

import hashlib
import os
import time

from disturbance import Disturbance
from lab_case import LabCase

MIB = 1024 * 1024
CLIENT_EVERY = 2
AGENT_EVERY = 5
RESTART_AFTER = 7
UP_KBIT = 90000  # 256 MiB take 24 s: long enough to be cut often

COUNTER = """\
import time
end, number = time.monotonic() + 60, 0
while time.monotonic() < end:
    print(number, flush=True)
    number += 1
    time.sleep(0.01)
print("end")
"""


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LongTransferCase(LabCase):
    def file_of(self, name, size):
        path = self.work.path(name)
        with open(path, "wb") as file:
            for _ in range(0, size, MIB):
                file.write(os.urandom(MIB))
        return path

    def scp_while_cut(self, source, target, *options):
        started = time.monotonic()
        with Disturbance(self.lab, CLIENT_EVERY, AGENT_EVERY, RESTART_AFTER) as cuts:
            done = self.work.run(["scp", "-q", "-F", self.config, *options, source, target], 150, env=self.lab.environment())
        self.checked(done)
        print("%.1f s; %s" % (time.monotonic() - started, cuts))
        return cuts


class LongTransferTest(LongTransferCase):
    def test_scp_of_256_mib_to_the_node_while_everything_is_cut(self):
        self.start_node()
        source, target = self.file_of("up", 256 * MIB), self.work.path("up-copy")
        cuts = self.scp_while_cut(source, "node:" + target, "-l", str(UP_KBIT))
        self.assertGreaterEqual(cuts.clients, 6)
        self.assertGreaterEqual(cuts.agents, 3)
        self.assertEqual(cuts.restarts, 1)
        self.assertEqual(digest(source), digest(target))
        self.lab.wait_for_no_session()

    def test_a_shell_that_counts_for_a_minute(self):
        self.start_node()
        script = self.work.write("count.py", COUNTER)
        with Disturbance(self.lab, client_every=10) as cuts:
            done = self.checked(self.ssh("/usr/bin/python3", script, timeout=150))
        lines = done.stdout.split()
        print("%d lines; %s" % (len(lines), cuts))
        self.assertGreaterEqual(cuts.clients, 5)
        self.assertEqual(lines.pop(), b"end")
        self.assertGreater(len(lines), 1000)
        self.assertEqual(lines, [b"%d" % number for number in range(len(lines))])


class FromPausingAgentTest(LongTransferCase):
    lab_options = ()

    def test_scp_of_8_mib_from_the_node_while_everything_is_cut(self):
        self.start_node()
        source, target = self.file_of("down", 8 * MIB), self.work.path("down-copy")
        cuts = self.scp_while_cut("node:" + source, target)
        self.assertGreaterEqual(cuts.clients, 3)
        self.assertGreaterEqual(cuts.agents, 1)
        self.assertEqual(cuts.restarts, 1)
        self.assertEqual(digest(source), digest(target))
        self.lab.wait_for_no_session()
