"""./run demo: real OpenSSH clients through ssm-proxy to a private sshd behind ssm-lab, checked at both ends."""

import os
import shutil
import sys
import threading
import time

from client_steps import MIB, ClientSteps
from lab import Lab
from node import Node
from workspace import Workspace, exit_on_signals

TREE_FILES = 1000
SHARED_COMMANDS = 20


class Table:
    """One row a step; the running one counts on a terminal, where a row never wraps: its remark is cut short instead."""

    HEADER = "%-36s %10s %7s %6s" % ("what ran", "bytes", "seconds", "MB/s")

    def __init__(self):
        self.on_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colour = self.on_terminal and not os.environ.get("NO_COLOR")
        self.failed = 0

    def begin(self):
        print(self._painted("1", self.HEADER), flush=True)

    def run(self, title, step, *arguments, progress=None):
        """`progress`: the path whose size grows while the step works."""
        started = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, started, progress, done), daemon=True)
        if self.on_terminal:
            ticker.start()
        moved = seconds = None
        try:
            moved, seconds, remark = step(*arguments)
            verdict = self._painted("32", "ok") + "  " + self._cut(remark, len(self.HEADER) + len("  ok  "))
        except (AssertionError, OSError) as failure:
            verdict = self._painted("31", "FAILED") + "  " + str(failure).strip()
            self.failed += 1
        finally:
            done.set()
            if self.on_terminal:
                ticker.join()
                print("\r\033[K", end="")
        print(self._row(title, moved, seconds or time.monotonic() - started) + "  " + verdict, flush=True)

    def _tick(self, title, started, progress, done):
        while not done.wait(0.2):
            moved = os.path.getsize(progress) if progress and os.path.exists(progress) else None
            row = self._row(title, moved, time.monotonic() - started) + "  ..."
            print("\r\033[K" + self._cut(row, 0), end="", flush=True)

    def _row(self, title, moved, seconds):
        size = "-" if moved is None else "{:,}".format(moved)
        rate = "-" if moved is None else "%.2f" % (moved / max(seconds, 0.001) / 1e6)
        return "%-36s %10s %7.2f %6s" % (title, size, seconds, rate)

    def _cut(self, text, column):
        """The beginning of `text` that fits between that column and the terminal's last one."""
        room = max(1, shutil.get_terminal_size().columns - 1 - column)
        return text if not self.on_terminal or len(text) <= room else text[:room - 1] + "…"

    def _painted(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.colour else text


def run_steps(table, steps):
    table.run("ssh node uname -a", steps.uname)
    table.run("scp, 64 MiB to the node", steps.scp_up, 64 * MIB, progress=steps.remote + "/up")
    table.run("scp, 8 MiB from the node (*)", steps.scp_down, 8 * MIB, progress=steps.work.path("down"))
    table.run("sftp: put, rename, ls, get of 1 MiB", steps.sftp, MIB)
    table.run("rsync -a --delete, %d small files" % TREE_FILES, steps.rsync_new, TREE_FILES)
    table.run("rsync again after a change", steps.rsync_changed, TREE_FILES)
    table.run("git clone", steps.git_clone)
    table.run("git push", steps.git_push, MIB)
    table.run("ControlMaster shared by %d commands" % SHARED_COMMANDS, steps.shared_master, SHARED_COMMANDS)
    table.run("sessions left open: none", steps.no_session_left)


def main(*arguments):
    if arguments:
        sys.exit("./run demo takes no arguments")
    exit_on_signals()
    table = Table()
    with Workspace() as work:
        lab, node = Lab(work), Node(work)
        steps = ClientSteps(work, lab, node)
        print("ssm-lab (a local Session Manager) and a private sshd are up. Now real OpenSSH\n"
              "clients, each through\n"
              "    ProxyCommand ssm-proxy connect -- %%n %%p %%r\nRandom seed %d.\n" % steps.seed)
        table.begin()
        run_steps(table, steps)
        if table.failed:
            print("\n--- ssm-lab's log:\n" + lab.log()[-4000:] + "\n--- sshd's log:\n" + node.log()[-4000:])
    print("\n(*) An agent sends less than 1 MB/s (0.73 were measured with a real one): it\n"
          "    pauses 1 ms after every KiB that it reads. ssm-lab does the same, so 8 MiB\n"
          "    take some 10 s. Nothing a client does can change that; uploads know no such\n"
          "    limit.")
    if table.failed:
        print("\n%d of the steps above FAILED." % table.failed)
        return 1
    print("\nEverything worked. To keep such a lab up and play with it:  ./run lab")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except AssertionError as failure:
        sys.exit("%s" % failure)
