"""edge/terminal, in every position that a ProxyCommand can be started from."""

import os
import pty
import subprocess
import termios
import time
import unittest

from workspace import Workspace, program


def read_until(descriptor, word, seconds=10):
    seen = b""
    deadline = time.monotonic() + seconds
    while word not in seen and time.monotonic() < deadline:
        data = os.read(descriptor, 4096)
        if not data:
            break
        seen += data
    return seen


def facts(output):
    return {key: int(value) for key, value in (line.split() for line in output.decode().splitlines() if len(line.split()) == 2)}


class TerminalTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)

    def probe(self, *arguments, prepare=None):
        """Facts of a probe that has a pipe as standard input; its pid is the one that was started."""
        process = subprocess.Popen([program("terminal_probe"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   preexec_fn=prepare, env=self.work.environment())
        seen = facts(read_until(process.stdout.fileno(), b"group"))
        process.communicate(b"", 10)
        self.assertEqual((process.returncode, seen["pid"]), (0, process.pid), "whoever started us waits for this pid")
        return seen

    def in_terminal(self, body):
        """Runs body() in a child that leads a session with a terminal; returns (pid, the terminal's other side)."""
        pid, master = pty.fork()
        if pid == 0:
            try:
                body()
            finally:
                os._exit(1)
        attributes = termios.tcgetattr(master)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(master, termios.TCSANOW, attributes)
        self.addCleanup(os.waitpid, pid, 0)
        return pid, master

    def test_terminal_on_stdin_is_not_left(self):
        _, master = self.in_terminal(lambda: os.execv(program("terminal_probe"), ["terminal_probe"]))
        seen = facts(read_until(master, b"group"))
        self.assertEqual(seen["left"], 0)
        os.close(master)

    def test_session_leader_with_a_terminal_cannot_leave(self):
        def lead():
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.execv(program("terminal_probe"), ["terminal_probe"])

        _, master = self.in_terminal(lead)
        self.assertEqual(facts(read_until(master, b"group"))["left"], 0)
        os.close(master)

    def test_member_of_a_group(self):
        """The usual place: a child of ssh, in ssh's group."""
        seen = self.probe()
        self.assertEqual((seen["left"], seen["session"], seen["group"]), (1, seen["pid"], seen["pid"]))

    def test_group_leader(self):
        seen = self.probe(prepare=os.setpgrp)
        self.assertEqual((seen["left"], seen["session"], seen["group"]), (1, seen["pid"], seen["pid"]))

    def test_group_leader_with_a_child_stays_what_it_was(self):
        seen = self.probe("child", prepare=os.setpgrp)
        self.assertNotEqual(seen["session"], seen["pid"])
        self.assertEqual(seen["group"], seen["pid"])

    def test_session_leader_without_a_terminal(self):
        seen = self.probe(prepare=os.setsid)
        self.assertEqual((seen["left"], seen["session"]), (1, seen["pid"]))

    def test_survives_interrupt_and_hangup(self):
        """Ctrl-C in the terminal ends its foreground group, closing it hangs up on the session: not on us."""
        reading, writing = os.pipe()  # its standard input, held open here
        out_reading, out_writing = os.pipe()

        def foreground():
            process = subprocess.Popen([program("terminal_probe")], stdin=reading, stdout=out_writing)
            process.wait()
            os._exit(0)

        _, master = self.in_terminal(foreground)
        os.close(out_writing)
        os.close(reading)
        seen = facts(read_until(out_reading, b"group"))
        self.assertEqual((seen["left"], seen["session"]), (1, seen["pid"]))
        os.write(master, b"\x03")
        time.sleep(0.2)
        os.close(master)  # SIGHUP
        time.sleep(0.2)
        os.kill(seen["pid"], 0)
        os.close(writing)
        self.assertEqual(read_until(out_reading, b"input"), b"end of input\n")
        os.close(out_reading)

    def test_without_leaving_the_interrupt_kills(self):
        """The test above can fail."""

        def foreground():
            subprocess.Popen(["sleep", "40"]).wait()
            os._exit(0)

        started = time.monotonic()
        _, master = self.in_terminal(foreground)
        time.sleep(0.3)
        os.write(master, b"\x03")
        try:
            while os.read(master, 100):
                pass
        except OSError:
            pass
        os.close(master)
        self.assertLess(time.monotonic() - started, 30)
