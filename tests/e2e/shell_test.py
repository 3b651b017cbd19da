"""ssm-proxy shell: a person at a terminal (tmux), scripts in pipes, and every way out. The node's programs are real ones."""

import json
import os
import pty
import select
import signal
import subprocess
import termios
import time

from lab import PATIENCE_SECONDS
from lab_case import LabCase
from screen import Screen
from workspace import program, show

INTERACTIVE = ("--document-name", "AWS-StartInteractiveCommand", "--parameters")
COMMAND = ("--document-name", "AWS-StartNonInteractiveCommand", "--parameters")
SHELL = program("ssm-proxy") + " shell node"


def apart(command):
    return json.dumps({"command": command, "separateOutputStream": "true"})


class ShellCase(LabCase):
    def setUp(self):
        super().setUp()
        self.lab.faults(shell_delay_ms=0)

    def shell(self, *arguments, env=None, target="node", **options):
        """With pipes, to its end."""
        return self.work.run([program("ssm-proxy"), "shell", *arguments, target], PATIENCE_SECONDS, env=env or self.lab.environment(),
                             **options)

    def output_of(self, *arguments, status=0, **options):
        done = self.shell(*arguments, **options)
        self.assertEqual(done.returncode, status, show(done.stdout) + show(done.stderr))
        return show(done.stdout), show(done.stderr)

    def session(self):
        """The only one."""
        (session,) = self.lab.status()["sessions"]
        return session

    # ---- a terminal without a person ----

    def start_in_terminal(self, *arguments):
        """In a session of its own with a terminal; returns the process, the terminal's other side and its settings."""
        master, terminal = pty.openpty()
        before = termios.tcgetattr(master)
        process = self.work.start(["setsid", "--ctty", program("ssm-proxy"), "shell", *arguments, "node"],
                                  env=self.lab.environment(), stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        return process, master, before

    def read_until(self, master, word):
        seen = b""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while word not in seen and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    seen += os.read(master, 65536)
                except OSError:  # nobody holds the other side any more
                    break
        self.assertIn(word, seen)
        return seen

    def expect_end(self, process, master, before, status):
        self.assertEqual(self.wait_for_exit(process), status)
        self.assertEqual(termios.tcgetattr(master), before)
        os.close(master)
        self.lab.wait_for_no_session()


class ShellTest(ShellCase):
    # ---- a person at a terminal ----

    def person(self):
        """A shell that has job control, and that leaves the settings of its terminal to others."""
        screen = Screen(self, "dash -i", self.lab.environment(PS1="here> "), width=90, height=24)
        screen.wait_for(r"^here> ?$")
        screen.keys("stty -g >%s; clear" % self.work.path("before"), "Enter")
        return screen

    def expect_terminal_as_before(self, screen):
        screen.keys("clear; stty -g | diff - %s && echo as before" % self.work.path("before"), "Enter")
        screen.wait_for("^as before$")

    def start_shell(self, screen):
        screen.keys("clear; %s; echo \"status $?\"" % SHELL, "Enter")
        screen.wait_for(r"^[#$] ?$")
        screen.keys("PS1='there> '", "Enter")
        screen.wait_for("^there> ?$")

    def test_editor_and_resize(self):
        screen = self.person()
        self.start_shell(screen)
        screen.keys("stty size", "Enter")
        screen.wait_for("^24 90$")
        screen.keys("vim.tiny -u NONE -N --cmd 'set showmode'", "Enter")
        screen.wait_for("^~$")
        screen.keys("i", "typed in vim", "Enter", "and more")
        screen.wait_for("^and more$")
        screen.resize(70, 16)
        screen.keys("Escape", ":set columns?", "Enter")
        screen.wait_for("columns=70$")
        screen.wait_for(r"\Atyped in vim\nand more\n(~\n){13} *columns=70")  # all of a screen of 16 lines
        screen.keys(":q!", "Enter")
        screen.wait_for("^there> ?$")
        screen.keys("stty size", "Enter")
        screen.wait_for("^16 70$")
        screen.keys("C-d")  # the end of a shell
        screen.wait_for("^status 0$")
        self.expect_terminal_as_before(screen)
        self.lab.wait_for_no_session()

    def test_keys_that_mean_something(self):
        """Ctrl-C is the program's; the escapes are ours; a shell that suspends us has its terminal as it was."""
        screen = self.person()
        self.start_shell(screen)
        screen.keys("sleep 1000 || echo \"slept $?\"", "Enter")
        time.sleep(0.3)
        screen.keys("C-c")
        screen.wait_for("^there> ?$")
        screen.keys("echo \"then $?\"", "Enter")
        screen.wait_for("^then 130$")
        screen.keys("~?")
        screen.wait_for("ssm-proxy: ~[.]  end the session")
        screen.keys("~", "C-z")
        screen.wait_for("Stopped")
        self.expect_terminal_as_before(screen)
        screen.keys("clear; bg; sleep 0.2; jobs", "Enter")  # it wants the terminal, which is not its turn
        screen.wait_for("^.1. . Stopped.*tty")
        self.expect_terminal_as_before(screen)
        screen.resize(80, 20)
        screen.keys("fg", "Enter")
        screen.wait_for("ssm-proxy shell")
        screen.keys("stty size", "Enter")
        screen.wait_for("^20 80$")
        screen.keys("echo ~~/x", "Enter")  # a tilde in the middle of a line is a tilde
        screen.wait_for("^~~/x$")
        screen.keys("~.")
        screen.wait_for("ssm-proxy: node .* shell: closed$")
        screen.wait_for("^here> ?$")
        self.expect_terminal_as_before(screen)
        self.lab.wait_for_no_session()

    def test_program_of_its_own(self):
        screen = self.person()
        screen.keys("clear; %s; echo \"status $?\"" % " ".join([program("ssm-proxy"), "shell", *INTERACTIVE, "command=cat", "node"]), "Enter")
        # It says nothing by itself: the session is known to be open when a size has been taken and no handshake came.
        self.lab.wait_for_sessions(1)
        screen.keys("hello", "Enter")
        screen.wait_for("^hello\nhello$")
        screen.keys("C-d")
        screen.wait_for("^status 0$")
        self.expect_terminal_as_before(screen)

    # ---- every way out, at a terminal ----

    def begin(self, *arguments):
        process, master, before = self.start_in_terminal(*arguments)
        self.read_until(master, b"# " if os.geteuid() == 0 else b"$ ")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while termios.tcgetattr(master)[3] & termios.ECHO:
            self.assertLess(time.monotonic(), deadline, "the terminal goes on to echo")
            time.sleep(0.01)
        return process, master, before

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number):
                process, master, before = self.begin()
                os.kill(process.pid, number)
                self.expect_end(process, master, before, 128 + number)

    def test_crash(self):
        """The session is the next run's to end; the terminal cannot wait."""
        process, master, before = self.begin()
        os.kill(process.pid, signal.SIGQUIT)
        self.assertEqual(self.wait_for_exit(process), -signal.SIGQUIT)
        self.assertEqual(termios.tcgetattr(master), before)
        self.assertEqual(self.lab.status()["open_sessions"], 1)
        process, master, before = self.begin()
        os.write(master, b"exit\r")
        self.expect_end(process, master, before, 0)

    def test_terminal_is_closed(self):
        process, master, _ = self.begin()
        os.close(master)
        self.assertEqual(self.wait_for_exit(process), 128 + signal.SIGHUP)
        self.lab.wait_for_no_session()

    def test_service_ends_it(self):
        process, master, before = self.begin()
        self.lab.terminate(self.session()["id"], "Your session timed out due to inactivity and has been terminated.")
        self.read_until(master, b"timed out due to inactivity")
        self.expect_end(process, master, before, 69)

    def test_connection_is_lost(self):
        process, master, before = self.begin()
        for _ in range(2):
            os.write(master, b"echo $((6 * 7))")
            self.lab.faults(drop_client_connections=True)
            os.write(master, b"\r")
            self.read_until(master, b"42\r\n")
        os.write(master, b"~.")
        self.expect_end(process, master, before, 0)

    # ---- no terminal ----

    def test_script_in_a_pipe(self):
        """It ends by its end of input, whatever the last line and whenever it is read."""
        text, errors = self.output_of(input=b"sleep 0.3\necho $((6 * 7))\nstty size\necho last")
        self.assertRegex(text, r"[#$] 42\r\n")
        self.assertRegex(text, r"[#$] 100 300\r\n")
        self.assertRegex(text, r"[#$] last\r\n")
        self.assertEqual(errors, "")
        self.output_of(stdin=subprocess.DEVNULL)
        text, _ = self.output_of(*INTERACTIVE, "command=cat", input=b"some words")
        self.assertEqual(text, "some words\r\nsome words\r\n")
        self.lab.wait_for_no_session()

    def test_end_of_input_while_a_program_runs(self):
        """A shell that edits lines itself heeds the end of input at its prompt alone: it is told again."""
        shell = self.work.start([program("ssm-proxy"), "shell", *INTERACTIVE, "command=bash --norc --noprofile -i", "node"],
                                env=self.lab.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        shell.stdin.write(b"echo $((6 * 7)); sleep 0.5\n")
        shell.stdin.flush()
        self.read_until(shell.stdout.fileno(), b"42\r\n")
        shell.stdin.close()
        self.assertEqual(self.wait_for_exit(shell), 0)
        self.assertEqual(show(shell.stderr.read()), "")

    def test_reader_that_stalls(self):
        """What has come waits for it, and costs nothing meanwhile."""
        shell = self.work.start([program("ssm-proxy"), "shell", *INTERACTIVE, "command=seq 15000", "node"], env=self.lab.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        select.select([shell.stdout], [], [], PATIENCE_SECONDS)
        time.sleep(2.5)
        with open("/proc/%d/stat" % shell.pid, encoding="ascii") as file:
            ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), 0.5)
        text, errors = shell.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual((shell.returncode, show(errors)), (0, ""))
        self.assertTrue(show(text).replace("^D\b\b", "").endswith("14999\r\n15000\r\n"), show(text)[-200:])

    def test_commands_without_a_terminal(self):
        self.assertEqual(self.output_of(*COMMAND, apart("sh -c 'echo out; echo err >&2; exit 7'"), status=7), ("out\n", "err\n"))
        self.assertEqual(self.output_of(*COMMAND, apart("true"), input=b"not read\x03"), ("", ""))
        self.assertEqual(self.output_of(*COMMAND, "command=sh -c 'echo out; echo err >&2; exit 7'"), ("out\nerr\n", ""))
        text, _ = self.output_of(*COMMAND, apart("seq 20000"))
        self.assertEqual(text, "".join("%d\n" % number for number in range(1, 20001)))
        self.assertEqual(self.output_of(*COMMAND, apart("/nonexistent"), status=1)[0], "")
        reader = self.work.run(["sh", "-c", '"$@" | head -n 1', "sh", program("ssm-proxy"), "shell", *COMMAND, apart("yes"), "node"],
                               PATIENCE_SECONDS, env=self.lab.environment())
        self.assertEqual((reader.returncode, show(reader.stdout)), (0, "y\n"))
        self.lab.wait_for_no_session()

    def test_ctrl_c_for_a_command(self):
        process, master, before = self.start_in_terminal(*COMMAND, apart("sh -c 'trap \"echo caught; exit 3\" INT; echo ready; while :; do sleep 0.05; done'"))
        self.read_until(master, b"ready\r\n")
        os.write(master, b"\x03")
        self.read_until(master, b"caught\r\n")
        self.expect_end(process, master, before, 3)

    # ---- refused ----

    def test_what_is_refused(self):
        for arguments, status, words in (
                (("--parameters", "command"), 64, "shell: --parameters: neither NAME=VALUE nor a JSON object"),
                (("--parameters", '{"command": ["a", "b"]}'), 64, "shell: --parameters: the parameter command of a session has one value"),
                (("--document-name", "Nobodys"), 78, "InvalidDocument"),
                (("--document-name", "AWS-StartSSHSession"), 69, "a shell needs one of type Standard_Stream"),
                ((*INTERACTIVE[:2],), 78, "InvalidParameters")):
            with self.subTest(arguments):
                text, errors = self.output_of(*arguments, status=status, stdin=subprocess.DEVNULL)
                self.assertEqual(text, "")
                self.assertIn(words, errors)
                self.assertEqual(errors.count("\n"), 1, errors)
        done = self.run_connect(*INTERACTIVE, "command=true", "node", stdin=subprocess.DEVNULL)
        self.assertNotEqual(done.returncode, 0)
        self.lab.wait_for_no_session()
