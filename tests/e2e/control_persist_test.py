"""A ControlPersist master outlives Ctrl-C at the ssh that started it, and the closing of its terminal."""

import os
import pty
import select
import time

from lab_case import LabCase
from workspace import show


class Terminal:
    """A command with a pseudo-terminal as its controlling terminal, in a session of its own."""

    def __init__(self, command, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        self.status = None

    def type(self, keys):
        os.write(self.fd, keys)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def wait(self, timeout=60):
        """Reads away what is printed, until the command has ended."""
        printed = b""
        deadline = time.monotonic() + timeout
        while self.status is None:
            if time.monotonic() > deadline:
                raise AssertionError("still running after %d s; printed %r" % (timeout, printed))
            if self.fd >= 0 and select.select([self.fd], [], [], 0.05)[0]:
                try:
                    printed += os.read(self.fd, 4096)
                except OSError:
                    pass  # the other end is gone
            elif self.fd < 0:
                time.sleep(0.05)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.status = os.waitstatus_to_exitcode(status)
        return printed


class ControlPersistTest(LabCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.config = self.node.ssh_config("""\
Host *
    ControlMaster auto
    ControlPath %s
    ControlPersist 300
""" % self.work.path("master"))
        self.addCleanup(self.control, "exit")

    def control(self, command):
        return self.work.run(["ssh", "-F", self.config, "-O", command, "node"], env=self.lab.environment())

    def start_first(self):
        """The first ssh, which becomes the master; returns once its command runs."""
        terminal = Terminal(["ssh", "-F", self.config, "node", "touch %s; sleep 60" % self.work.path("runs")],
                            self.lab.environment(TERM="xterm"))
        self.addCleanup(terminal.close)
        deadline = time.monotonic() + 60
        while not os.path.exists(self.work.path("runs")):
            self.assertLess(time.monotonic(), deadline, "the first command does not run")
            time.sleep(0.02)
        return terminal

    def assert_master_is_usable(self):
        check = self.control("check")
        self.assertEqual(check.returncode, 0, show(check.stderr))
        self.assertEqual(self.ssh_output("echo", "still here"), "still here\n")
        self.assertEqual(self.lab.counter("started"), 1, "a second session was started")

    def assert_exit_leaves_nothing(self):
        self.checked(self.control("exit"))
        self.lab.wait_for_no_session()

    def test_ctrl_c(self):
        terminal = self.start_first()
        terminal.type(b"\x03")
        terminal.wait()
        self.assert_master_is_usable()
        self.assert_exit_leaves_nothing()

    def test_closing_the_terminal(self):
        terminal = self.start_first()
        terminal.close()
        terminal.wait()
        self.assert_master_is_usable()
        self.assert_exit_leaves_nothing()

    def test_ctrl_c_and_then_closing_the_terminal(self):
        terminal = self.start_first()
        terminal.type(b"\x03")
        terminal.wait()
        terminal.close()
        self.assert_master_is_usable()
        self.assert_exit_leaves_nothing()

    def test_why_a_master_lost_its_tunnel_is_in_last_log(self):
        """The terminal shows nothing of it."""
        terminal = self.start_first()
        terminal.type(b"\x03")
        terminal.wait()
        self.assertEqual(self.work.last_log(), [])
        self.lab.terminate(self.lab.status()["sessions"][0]["id"], "Terminated by the administrator.")
        deadline = time.monotonic() + 60
        while not self.work.last_log() and time.monotonic() < deadline:
            time.sleep(0.02)
        (_, words), = self.work.last_log()
        self.assertIn("port %d: session ended: Terminated by the administrator" % self.node.port, words)
        self.lab.wait_for_no_session()
