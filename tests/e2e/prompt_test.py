"""A role that wants an MFA code, with a real ssh at a terminal: the question comes there, and the terminal is as before whatever
comes of it. How edge/prompt behaves by itself is ask_test's."""

import os
import pty
import select
import subprocess
import termios
import time

from role_test import RoleCase
from workspace import program

WITHIN = 30


class PromptTest(RoleCase):
    def start_ssh(self, *command):
        """In a session of its own that has a terminal; returns the process, the terminal's other side and its settings."""
        master, terminal = pty.openpty()
        before = termios.tcgetattr(master)
        self.addCleanup(os.close, master)
        process = self.work.start(["setsid", "--ctty", "--wait", *command], env=self.environment("mfa"), stdin=terminal, stdout=terminal,
                                  stderr=terminal)
        os.close(terminal)
        return process, master, before

    def read_until(self, master, word):
        seen = b""
        deadline = time.monotonic() + WITHIN
        while word not in seen and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    seen += os.read(master, 4096)
                except OSError:  # nobody holds the other side any more
                    break
        self.assertIn(word, seen)
        return seen

    def wait_for_silence(self, master):
        deadline = time.monotonic() + WITHIN
        while termios.tcgetattr(master)[3] & termios.ECHO:
            self.assertLess(time.monotonic(), deadline, "the terminal goes on to echo")
            time.sleep(0.01)

    def test_code_at_the_terminal(self):
        ssh, master, before = self.start_ssh("ssh", "-F", self.config, "node", "read line; echo \"here: $line\"")
        self.read_until(master, b"MFA code for %s: " % self.lab.info["identity"]["mfa_serial"].encode())
        self.wait_for_silence(master)
        code = self.lab.call("/lab/identity")["mfa_code"]
        os.write(master, code.encode() + b"\n")
        # ssh's own input is what is typed after that
        deadline = time.monotonic() + WITHIN
        while not termios.tcgetattr(master)[3] & termios.ECHO and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(termios.tcgetattr(master)[3], before[3])
        os.write(master, b"typed for ssh\n")
        seen = self.read_until(master, b"here: typed for ssh")
        self.assertNotIn(code.encode(), seen)
        self.assertEqual(self.wait_for_exit(ssh), 0)
        self.assertEqual(self.assumed(), 1)

    def test_interrupt_at_the_question(self):
        ssh, master, before = self.start_ssh("ssh", "-F", self.config, "node", "true")
        self.read_until(master, b"MFA code for ")
        self.wait_for_silence(master)
        os.write(master, b"123\x03")
        self.assertNotEqual(self.wait_for_exit(ssh), 0)
        deadline = time.monotonic() + WITHIN
        while termios.tcgetattr(master)[3] != before[3] and time.monotonic() < deadline:
            time.sleep(0.01)  # ssh-proxy may end after ssh
        self.assertEqual(termios.tcgetattr(master)[3], before[3])
        self.assertEqual(self.assumed(), 0)

    def test_standard_input_is_not_asked(self):
        """A terminal there, and none that controls: what comes in is the tunnel's."""
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        os.write(master, b"123456\n")
        done = self.work.run([program("ssm-proxy"), "connect", "node"], env=self.environment("mfa"), stdin=terminal, stdout=subprocess.PIPE)
        os.close(terminal)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn(b"run first: aws sts get-caller-identity --profile mfa", done.stderr)
