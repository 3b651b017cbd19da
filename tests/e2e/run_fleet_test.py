"""ssm-proxy run on a thousand nodes: memory and calls stay flat."""

import os
import re
import subprocess

from lab_case import LabCase
from workspace import program

FLEET = "tag:Fleet=light"


class RunFleetTest(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "1000")

    def run_(self, *arguments):
        """Its output, how many calls it took, and how many KiB it had at most."""
        before = self.lab.counter("api_calls")
        with open(self.work.path("output"), "wb") as output:
            process = self.work.start([program("ssm-proxy"), "run", *arguments], env=self.lab.environment(), stdin=subprocess.DEVNULL,
                                      stdout=output, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        with open(self.work.path("output"), encoding="utf-8") as output:
            return output.read(), self.lab.counter("api_calls") - before, usage.ru_maxrss

    def test_memory_and_calls_stay_flat(self):
        long = "x" * 2000
        _, calls_of_one, memory_of_one = self.run_("tag:Name=light-0001", "--", "echo", long)
        output, calls, memory = self.run_("--concurrency", "100%", FLEET, "--", "echo", long)
        self.assertEqual(re.findall(r"^==> (light-\d+) ", output, re.MULTILINE), ["light-%04d" % i for i in range(1, 1001)])
        self.assertEqual(output.count("echo %s\n" % long), 1000)
        print("one node: %d calls, %d KiB; 1000: %d calls, %d KiB" % (calls_of_one, memory_of_one, calls, memory))
        self.assertLess(calls_of_one, 20)
        self.assertLess(calls, 20 + 20, "a page of fifty at a time")
        self.assertLess(memory - memory_of_one, 2048, "two million bytes of output do not stay")
