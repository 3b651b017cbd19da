"""ssm-proxy run and ls on a thousand nodes: memory and calls stay flat."""

import json
import re
import subprocess

from lab_case import LabCase
from workspace import program

FLEET = "tag:Fleet=light"


def peak_kib(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)  # none once it has ended


class FleetTest(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "1000")

    def measured(self, *arguments):
        """Its output, how many calls it took, and its peak memory in KiB while page after page was printed: it waits for us
        to read, so that it is there until the last 64 KiB."""
        before = self.lab.counter("api_calls")
        process = self.work.start([program("ssm-proxy"), *arguments], env=self.lab.environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        output, peaks = b"", []
        with process.stdout:
            for piece in iter(lambda: process.stdout.read1(16384), b""):
                output += piece
                peaks.append(peak_kib(process))
        self.assertEqual(process.wait(), 0)
        return output.decode(), self.lab.counter("api_calls") - before, [peak for peak in peaks if peak > 0]

    def test_run(self):
        long = "x" * 2000
        _, calls_of_one, _ = self.measured("run", "tag:Name=light-0001", "--", "echo", long)
        output, calls, peaks = self.measured("run", "--concurrency", "100%", FLEET, "--", "echo", long)
        self.assertEqual(re.findall(r"^==> (light-\d+) ", output, re.MULTILINE), ["light-%04d" % i for i in range(1, 1001)])
        self.assertEqual(output.count("echo %s\n" % long), 1000)
        print("one node: %d calls; 1000: %d calls, %d KiB after the first page, %d KiB after the last" % (
            calls_of_one, calls, peaks[0], peaks[-1]))
        self.assertLess(calls_of_one, 20)
        self.assertLess(calls, 20 + 20, "a page of fifty at a time")
        self.assertLess(peaks[-1] - peaks[0], 1024, "two million bytes of output do not stay")

    def test_ls(self):
        output, calls, peaks = self.measured("ls", "--tags", "--output", "json", "--tag", "Fleet=light")
        self.assertEqual([node["Name"] for node in json.loads(output)], ["light-%04d" % i for i in range(1, 1001)])
        print("ls of 1000 nodes: %d calls, %d KiB after the first page, %d KiB after the last" % (calls, peaks[0], peaks[-1]))
        self.assertLess(calls, 20 + 20 + 20, "a page of fifty at a time, of Systems Manager and of EC2, and one's own sessions")
        self.assertLess(peaks[-1] - peaks[0], 1024, "the list is not kept")
