"""command/ask with edge/prompt: at a terminal, through SSH_ASKPASS, and where nobody can be asked."""

import os
import pty
import select
import signal
import subprocess
import termios
import time
import unittest

from workspace import Workspace, program

QUESTION = "MFA code for arn:aws:iam::123456789012:mfa/someone"


def read_until(descriptor, word, seconds=20):
    seen = b""
    deadline = time.monotonic() + seconds
    while word not in seen and time.monotonic() < deadline:
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(descriptor, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    return seen


class AskTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.before = None  # the terminal's attributes

    def environment(self, **variables):
        return {**self.work.environment(), **variables}

    def write_askpass(self, body):
        return self.work.write("askpass", "#!/bin/sh\n" + body, 0o700)

    def at_terminal(self, environment, seconds="60", background=False, question=QUESTION):
        """Starts the probe with a terminal, its standard input and output being pipes; as the child of a session's
        leader, which is where ssh's ProxyCommand is. Returns (the terminal's other side, output, leader)."""
        reading, writing = os.pipe()
        gate, opener = os.pipe()
        leader, master = pty.fork()
        if leader == 0:
            try:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.close(reading)
                tunnel, bytes_for_it = os.pipe()
                os.write(bytes_for_it, b"this is the tunnel\n")
                os.read(gate, 1)
                process = subprocess.Popen([program("ask_probe"), seconds, question], stdin=tunnel, stdout=writing,
                                           stderr=writing, env=environment, process_group=0 if background else None,
                                           preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.SIG_DFL),
                                                               signal.signal(signal.SIGHUP, signal.SIG_DFL)))
                os._exit(process.wait() & 0xff)
            finally:
                os._exit(99)
        os.close(writing)
        self.addCleanup(os.close, reading)
        self.before = termios.tcgetattr(master)
        os.write(opener, b"x")
        os.close(opener)
        os.close(gate)
        return master, reading, leader

    def as_job(self, give_up):
        """As a job of a shell, which gives it the terminal; takes that back, and says so there, when something comes out of give_up; and
        ends the job at the next. Returns the terminal's other side and the shell."""
        leader, master = pty.fork()
        if leader == 0:
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGTTOU, signal.SIG_IGN)
                job = os.fork()
                if job == 0:
                    os.setpgid(0, 0)
                    os.tcsetpgrp(0, os.getpid())
                    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                    os.execve(program("ask_probe"), ["ask_probe", "60", QUESTION], self.environment())
                os.read(give_up, 1)
                os.tcsetpgrp(0, os.getpgrp())
                os.write(1, b"mine")
                os.read(give_up, 1)
                os.kill(job, signal.SIGTERM)
                _, status = os.waitpid(job, os.WUNTRACED)
                if os.WIFSTOPPED(status):
                    os.kill(job, signal.SIGKILL)
                    os._exit(98)
                os._exit(os.waitstatus_to_exitcode(status) & 0xff)
            finally:
                os._exit(99)
        return master, leader

    def test_terminal_that_the_shell_has_taken_back(self):
        """It is restored even so; nobody would continue a process that stops then, and nobody could type."""
        give_up, opener = os.pipe()
        master, leader = self.as_job(give_up)
        read_until(master, b"someone: ")
        self.silent(master)
        os.write(opener, b"x")
        read_until(master, b"mine")
        os.write(master, b"for the shell\n")
        read_until(master, b"never", 0.1)  # time for reading what is not for it
        os.write(opener, b"x")
        read_until(master, b"signal 15")
        self.assertEqual(self.status_of(leader), 0)
        self.assertTrue(termios.tcgetattr(master)[3] & termios.ECHO)
        for descriptor in (master, give_up, opener):
            os.close(descriptor)

    def status_of(self, leader):
        return os.waitstatus_to_exitcode(os.waitpid(leader, 0)[1])

    def silent(self, master):
        """Waits until the terminal echoes nothing."""
        for _ in range(1000):
            if not termios.tcgetattr(master)[3] & termios.ECHO:
                return
            time.sleep(0.01)
        self.fail("the terminal goes on to echo")

    def test_answer_at_the_terminal(self):
        master, output, leader = self.at_terminal(self.environment())
        seen = read_until(master, b"someone: ")
        self.assertIn((QUESTION + ": ").encode(), seen)
        self.silent(master)
        os.write(master, b"12345\x7f56\n")  # the terminal's own editing works
        self.assertEqual(read_until(output, b"\n"), b"answer 123456\n")
        self.assertEqual(self.status_of(leader), 0)
        self.assertNotIn(b"123456", read_until(master, b"never", 0.2), "the code was echoed")
        after = termios.tcgetattr(master)
        self.assertEqual(after[:4], self.before[:4])
        self.assertEqual(after[6], self.before[6])
        os.close(master)

    def test_signals_end_it_and_restore_the_terminal(self):
        for send in (b"\x03", signal.SIGTERM, signal.SIGHUP):
            with self.subTest(send=send):
                master, output, leader = self.at_terminal(self.environment())
                read_until(master, b"someone: ")
                self.silent(master)
                os.write(master, b"\x1c\x1a")  # Ctrl-\ and Ctrl-Z would leave the terminal silent
                if isinstance(send, bytes):
                    os.write(master, send)
                    number = signal.SIGINT
                else:
                    children = open("/proc/%d/task/%d/children" % (leader, leader), encoding="ascii").read().split()
                    os.kill(int(children[0]), send)
                    number = send
                self.assertEqual(read_until(output, b"\n"), b"signal %d\n" % number)
                self.assertEqual(self.status_of(leader), 0)
                self.assertEqual(termios.tcgetattr(master)[3], self.before[3])
                os.close(master)

    def test_nothing_typed(self):
        for typed in (b"\x04", b"\n"):
            with self.subTest(typed=typed):
                master, output, leader = self.at_terminal(self.environment())
                read_until(master, b"someone: ")
                self.silent(master)
                os.write(master, typed)
                self.assertRegex(read_until(output, b"\n"), b"^nobody has answered: nothing was (typed|entered)")
                self.assertEqual(self.status_of(leader), 77)
                self.assertTrue(termios.tcgetattr(master)[3] & termios.ECHO)
                os.close(master)

    def test_time_is_up(self):
        master, output, leader = self.at_terminal(self.environment(), seconds="0")
        self.assertEqual(read_until(output, b"\n"), b"timed out: nobody has answered in time\n")
        self.assertEqual(self.status_of(leader), 75)
        self.assertTrue(termios.tcgetattr(master)[3] & termios.ECHO)
        os.close(master)

    def test_the_background_of_a_terminal_is_not_asked(self):
        """Asking there would stop the process, and ssh would wait for ever."""
        master, output, leader = self.at_terminal(self.environment(), background=True)
        self.assertIn(b"there is no terminal to ask at", read_until(output, b"\n"))
        self.assertEqual(self.status_of(leader), 77)
        os.close(master)

    def test_control_characters_do_not_reach_the_terminal(self):
        master, _, leader = self.at_terminal(self.environment(), question="code\x1b[2J\nfor x")
        self.assertIn(b"code?[2J?for x: ", read_until(master, b"x: "))
        self.silent(master)
        os.write(master, b"1\n")
        self.assertEqual(self.status_of(leader), 0)
        os.close(master)

    def without_terminal(self, **variables):
        return subprocess.run([program("ask_probe"), "60", QUESTION], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=self.environment(**variables), start_new_session=True, check=False, timeout=60)

    def test_without_terminal_and_askpass_it_fails_at_once(self):
        askpass = self.write_askpass("echo 123456\n")
        for variables in ({}, {"SSH_ASKPASS": askpass}, {"SSH_ASKPASS": askpass, "DISPLAY": ""},
                          {"SSH_ASKPASS": askpass, "DISPLAY": ":0", "SSH_ASKPASS_REQUIRE": "never"},
                          {"SSH_ASKPASS": askpass, "SSH_ASKPASS_REQUIRE": "prefer"}):
            with self.subTest(variables=variables):
                done = self.without_terminal(**variables)
                self.assertEqual((done.returncode, done.stdout),
                                 (77, "nobody has answered: there is no terminal to ask at, and no SSH_ASKPASS to ask with\n"))

    def test_askpass_answers(self):
        askpass = self.write_askpass("cat >&2; echo \"$#\" \"$1\" >\"$0.asked\"; printf '123456\\r\\nmore\\n'\n")
        for variables in ({"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"SSH_ASKPASS_REQUIRE": "force"},
                          {"SSH_ASKPASS_REQUIRE": "FORCE"}):
            with self.subTest(variables=variables):
                done = self.without_terminal(SSH_ASKPASS=askpass, **variables)
                self.assertEqual((done.returncode, done.stdout), (0, "answer 123456\n"))
                with open(askpass + ".asked", encoding="utf-8") as file:
                    self.assertEqual(file.read(), "1 %s\n" % QUESTION)

    def test_askpass_fails(self):
        done = self.without_terminal(SSH_ASKPASS=self.write_askpass("echo 123456; exit 1\n"), DISPLAY=":0")
        self.assertEqual((done.returncode, done.stdout), (77, "nobody has answered: nothing was entered\n"))
        done = self.without_terminal(SSH_ASKPASS="/nonexistent/askpass", DISPLAY=":0")
        self.assertEqual((done.returncode, done.stdout),
                         (77, "nobody has answered: /nonexistent/askpass cannot be started: No such file or directory\n"))

    def test_askpass_before_the_terminal_when_required(self):
        askpass = self.write_askpass("echo 654321\n")
        for variables, first in (({"DISPLAY": ":0", "SSH_ASKPASS_REQUIRE": "prefer"}, True), ({"SSH_ASKPASS_REQUIRE": "force"}, True),
                                 ({"DISPLAY": ":0"}, False), ({"SSH_ASKPASS_REQUIRE": "prefer"}, False)):
            with self.subTest(variables=variables):
                master, output, leader = self.at_terminal(self.environment(SSH_ASKPASS=askpass, **variables))
                if not first:
                    read_until(master, b"someone: ")
                    self.silent(master)
                    os.write(master, b"111111\n")
                self.assertEqual(read_until(output, b"\n"), b"answer 654321\n" if first else b"answer 111111\n")
                self.assertEqual(self.status_of(leader), 0)
                os.close(master)
