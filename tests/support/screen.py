"""A terminal as a person has it: tmux(1), whose screen can be read."""

import re
import subprocess
import time

from lab import PATIENCE_SECONDS
from workspace import show


class Screen:
    def __init__(self, case, command, env, width=100, height=40):
        """Runs `command` (words for sh) in it; what is on the screen stays when that has ended."""
        self.case = case
        self.socket = case.work.path("tmux.socket")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "-s", "main", "trap : INT; " + command + "; echo \"(exit status $?)\"; sleep 1000", env=dict(env, TERM="xterm-256color", SHELL="/bin/sh"))
        case.addCleanup(self.tmux, "kill-server", check=False)

    def tmux(self, *arguments, env=None, check=True):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE_SECONDS, check=False)
        if check and done.returncode != 0:
            raise AssertionError("tmux %s: %s" % (arguments, show(done.stdout)))
        return show(done.stdout)

    def keys(self, *names):
        """As tmux calls them: "C-c", "Enter"; anything else is typed."""
        self.tmux("send-keys", "-t", "main", *names)

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "main", "-x", str(width), "-y", str(height))

    def lines(self):
        """Without the empty ones."""
        return [line for line in self.tmux("capture-pane", "-p", "-t", "main").splitlines() if line.strip()]

    def text(self):
        return "\n".join(self.lines())

    def wait_for(self, pattern):
        """Until a line fits; gives the match."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            text = self.text()
            match = re.search(pattern, text, re.MULTILINE)
            if match:
                return match
            if time.monotonic() > deadline:
                raise AssertionError("not on the screen: %s\n%s" % (pattern, text))
            time.sleep(0.02)
