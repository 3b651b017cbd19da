"""The base of the end-to-end tests: a lab, and an sshd on demand, for each test."""

import os
import signal
import subprocess
import threading
import unittest

from lab import PATIENCE_SECONDS, Lab
from loopback import bind_loopback
from node import Node
from workspace import Workspace, exit_on_signals, program, show

NODE_ID = "i-0123456789abcdef0"
SECOND_NODE_ID = "i-0fedcba9876543210"
OFFLINE_NODE_ID = "i-0badbadbadbadbad0"


class LabCase(unittest.TestCase):
    maxDiff = None
    lab_options = ("--no-agent-pause",)

    def setUp(self):
        exit_on_signals()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.lab = Lab(self.work, *self.lab_options)
        self.node = None

    def tearDown(self):
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors):
            print("--- ssm-lab:\n" + self.lab.log())
            if self.node:
                print("--- sshd:\n" + self.node.log())

    def start_node(self):
        """Starts sshd; self.config is then an ssh configuration for it."""
        self.node = Node(self.work, self.lab.key_dirs())
        self.config = self.node.ssh_config()

    def ssh(self, *arguments, target="node", timeout=PATIENCE_SECONDS, env=None, **options):
        return self.work.run(["ssh", "-F", self.config, target, *arguments], timeout, env=env or self.lab.environment(), **options)

    def ssh_output(self, *arguments, **options):
        """Of an ssh that must succeed, as text."""
        return show(self.checked(self.ssh(*arguments, **options)).stdout)

    def checked(self, completed):
        self.assertEqual(completed.returncode, 0, "%s\n%s%s" % (completed.args, show(completed.stdout), show(completed.stderr)))
        return completed

    def connect(self, *arguments, env=None, **options):
        """Starts `ssm-proxy connect ARGUMENTS` with pipes on its standard descriptors."""
        options = dict(dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE), **options)
        return self.work.start([program("ssm-proxy"), "connect", *map(str, arguments)], env=env or self.lab.environment(), **options)

    def run_connect(self, *arguments, env=None, timeout=PATIENCE_SECONDS, **options):
        return self.work.run([program("ssm-proxy"), "connect", *map(str, arguments)], timeout, env=env or self.lab.environment(),
                             **options)

    def assert_refused(self, completed, code, *words):
        """Exit code, an empty standard output, and a message of one line that holds every word."""
        message = show(completed.stderr)
        self.assertEqual(completed.returncode, code, message)
        self.assertEqual(completed.stdout, b"", "standard output is for tunnel bytes only")
        self.assertTrue(message.startswith("ssm-proxy"), message)
        self.assertEqual(message.count("\n"), 1 + message.count("\n  "), "more than one line: " + message)
        for word in words:
            self.assertIn(word.lower(), message.lower())
        return message

    def banner(self, process):
        """The SSH banner that a started `connect` delivers; fails when anything comes before it."""
        line = process.stdout.readline()
        self.assertTrue(line.startswith(b"SSH-2.0-"), "%r instead of a banner" % line)
        return line

    def wait_for_exit(self, process, timeout=PATIENCE_SECONDS):
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail("still running after %d s" % timeout)


class TcpPeer:
    """A TCP server on loopback behind a node: every connection gets a thread that runs serve(connection)."""

    def __init__(self, case, serve):
        self.listener, self.holder = bind_loopback()
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.failure = None
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self.close)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                self.serve(connection)
        except (OSError, EOFError) as failure:
            self.failure = failure

    def close(self):
        self.listener.close()
        self.holder.close()


def kill(process, number=signal.SIGKILL):
    os.kill(process.pid, number)
