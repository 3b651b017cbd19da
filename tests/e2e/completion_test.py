"""Completion of ssm-proxy's command line in real shells: on a terminal of their own, keys are typed, the Tab key among them, and the
line that came of it is executed, as arguments of a program that writes them down."""

import os
import pty
import select
import shutil
import signal
import time
import unittest

from workspace import SOURCE_DIR, Workspace, exit_on_signals, program

PATIENCE_SECONDS = 60
PROMPT = b"READY> "

# Where control characters or a first '-' are in the file, somebody else has written it.
NAMES = ("n01-plain", "n02 two words", "n03$(touch trap)", "n04'touch trap'", 'n05"$(touch trap)"', "n06\\", "n07;touch trap;", "n08`touch trap`",
         "n09*", "n10#x", "n11!x", "n12=x", "n13:x", "n14|touch trap", "n15&touch trap&", "n16%s{a,b}", "n17<(touch trap)", "n18ümlaut", "n19~x",
         "n20[a]?", "n21$x${x}", "n22\\$(touch trap)", "n23';touch trap;'", 'n24";touch trap;"', "n25^x", "n26@x,y", "n27(x)", "n28 ")
NOT_KEPT = ("-n30", "n31\x1b[2J", "n32\tx", "n33\u0085x")


class Shell:
    """An interactive shell, whose line editor has Emacs's keys."""

    def __init__(self, work, command, env):
        self.work = work
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(work.dir)
            os.execvpe(command[0], command, env)
        self.said = b""
        self.wait(lambda: PROMPT in self.said, "a prompt")

    def wait(self, condition, what):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("no %s; on the terminal:\n%r" % (what, self.said))
            if select.select([self.master], [], [], 0.01)[0]:
                self.said += os.read(self.master, 65536)

    def words(self, keys):
        """The words that the line has after these keys."""
        out = self.work.path("words")
        if os.path.exists(out):
            os.unlink(out)
        self.said = b""
        os.write(self.master, keys.encode() + b"\x01" + b"write-down \r")  # Ctrl-A: the beginning of the line
        self.wait(lambda: os.path.exists(out) and PROMPT in self.said[self.said.rfind(b"\r\n"):], "line executed after %r" % keys)
        with open(out, encoding="utf-8") as file:
            return file.read().split("\0")[:-1]

    def close(self):
        os.kill(self.pid, signal.SIGHUP)
        os.close(self.master)
        os.waitpid(self.pid, 0)


class CompletionTest(unittest.TestCase):
    def setUp(self):
        exit_on_signals()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        lines = "# whose\n" + "\n".join(NAMES + NOT_KEPT) + "\n"
        self.work.write("state/ssm-bridge/nodes", lines.encode())
        self.work.write("home/.config/ssm-bridge/config", "[alias al-$(touch trap)]\ntarget = x\n")
        self.work.write("aws_config", "[profile produc tion]\nregion = eu-west-1\n[profile $(touch trap)]\n")
        self.work.write("cert.pem", "")
        self.work.write("bin/write-down", '#!/bin/sh\nprintf "%s\\0" "$@" >words.new\nmv words.new words\n', 0o755)
        path = "%s:%s:%s" % (self.work.path("bin"), os.path.dirname(program("ssm-proxy")), os.environ["PATH"])
        self.env = self.work.environment(PATH=path, AWS_CONFIG_FILE=self.work.path("aws_config"), TERM="dumb", PS1=PROMPT.decode(),
                                         HISTFILE="/dev/null")

    def start(self, *command, **env):
        if shutil.which(command[0]) is None:
            self.skipTest("there is no %s here" % command[0])
        shell = Shell(self.work, command, dict(self.env, **env))
        self.addCleanup(shell.close)
        return shell

    def check(self, shell, keys, *words):
        self.assertEqual(shell.words("ssm-proxy " + keys), ["ssm-proxy", *words], keys)
        self.assertFalse(os.path.exists(self.work.path("trap")), keys)

    def check_all(self, shell):
        for name in NAMES:
            self.check(shell, "connect %s\t" % name[:3], "connect", name)
        for name in NOT_KEPT[1:]:
            self.check(shell, "connect %s\t" % name[:3], "connect", name[:3])
        self.check(shell, "connect al\t", "connect", "al-$(touch trap)")
        self.check(shell, "sess\t en\t", "sessions", "end")
        self.check(shell, "ls --outp\t js\t", "ls", "--output", "json")
        self.check(shell, "ls --output=js\t", "ls", "--output=json")
        self.check(shell, "ls --profile prod\t", "ls", "--profile", "produc tion")
        self.check(shell, "ls --region=eu\t n01\t", "ls", "--region=eu-west-1", "n01-plain")
        self.check(shell, "ls --ca-bundle cer\t n01\t", "ls", "--ca-bundle", "cert.pem", "n01-plain")
        self.check(shell, "ls --ca-bundle=cer\t n01\t", "ls", "--ca-bundle=cert.pem", "n01-plain")
        self.check(shell, "ls n12=\t n13:\t", "ls", "n12=x", "n13:x")
        self.check(shell, "nosuch n01\t", "nosuch", "n01")
        for quote in "'\"":
            self.check(shell, "connect %sn02\t" % quote, "connect", "n02 two words")

    def test_bash(self):
        shell = self.start("bash", "--noprofile", "--norc", "-i")
        shell.words('x; eval "$(ssm-proxy completion bash)"; true')
        self.check_all(shell)
        for number in ("03", "05", "08", "11", "21"):  # what double quotes would not keep from being executed is not offered in them
            self.check(shell, 'connect "n%s\t"' % number, "connect", "n" + number)
        shell.words("x; COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]}; true")
        self.check(shell, "ls --output=js\t n13:\t n12\t", "ls", "--output=json", "n13:x", "n12=x")

    def test_zsh(self):
        shell = self.start("zsh", "-f", "-i", "-o", "emacs")
        shell.words("x; autoload -Uz compinit; compinit -D -u; source <(ssm-proxy completion zsh); true")
        self.check_all(shell)
        installed = self.start("zsh", "-f", "-i", "-o", "emacs")
        installed.words("x; fpath+=(%s); autoload -Uz compinit; compinit -D -u; true" % os.path.join(SOURCE_DIR, "proxy", "completion"))
        self.check(installed, "connect n02\t", "connect", "n02 two words")

    def test_fish(self):
        config = 'function fish_prompt; printf "%s"; end' % PROMPT.decode()
        shell = self.start("fish", "--private", "--no-config", "--interactive", "--init-command", config)
        shell.words("x; ssm-proxy completion fish | source; true")
        self.check_all(shell)


if __name__ == "__main__":
    unittest.main()
