"""An ssh with the ServerAlive values of the README that prints a line a second through an outage: no byte passes between
ssm-proxy and the service, while the node works on and the service forgets nothing."""

import subprocess
import threading
import time

from lab import Lab
from wire import Wire
from workspace import Workspace, show

SERVER_ALIVE = ("-o", "ServerAliveInterval=60", "-o", "ServerAliveCountMax=20")
BEFORE_SECONDS = 10
AFTER_SECONDS = 30
BACK_SECONDS = 120  # tries are 15 s apart by then; what the agent kept comes back at ten messages a second
PRINTER = """\
import time
begin = time.monotonic()
for second in range(%d):
    print(second, flush=True)
    time.sleep(max(0, begin + second + 1 - time.monotonic()))
"""


class Outage:
    def __init__(self, node, seconds):
        self.node, self.seconds = node, seconds
        self.lines_due = BEFORE_SECONDS + seconds + AFTER_SECONDS
        self.state = "before"
        self.lines = []
        self.figures = {"seconds": seconds, "lines": self.lines_due}
        self.wrong = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __str__(self):
        return "outage of %d s: %s" % (self.seconds, "; ".join(self.wrong) or
                                       "%(lines)d lines, none missing or repeated; the first %(first_line_after_s).1f s after its end, "
                                       "all of the backlog %(caught_up_after_s).1f s after it" % self.figures)

    def finish(self):
        """Returns what went wrong."""
        self._thread.join(self.lines_due + 2 * BACK_SECONDS)
        if self._thread.is_alive():
            self.wrong.append("it does not end: %s" % self.state)
        return ["outage: " + what for what in self.wrong]

    def _work(self):
        try:
            with Workspace() as work:
                self._live_through(work)
        except Exception as failure:  # told by the thread that waits
            self.wrong.append("%s: %s" % (type(failure).__name__, failure))
        self.state = "over"

    def _live_through(self, work):
        lab = Lab(work)
        wires = [Wire(int(lab.info[name].rsplit(":", 1)[1])) for name in ("api_url", "gateway_url")]
        urls = ["https://127.0.0.1:%d" % wire.port for wire in wires]
        script = work.write("printer.py", PRINTER % self.lines_due)
        process = work.start(["ssh", "-F", self.node.ssh_config(), *SERVER_ALIVE, "node", "/usr/bin/python3", script],
                             env=lab.environment(AWS_ENDPOINT_URL=urls[0], AWS_ENDPOINT_URL_SSMMESSAGES=urls[1]),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        reader.start()
        self._wait_for_lines(BEFORE_SECONDS // 2, process)
        for wire in wires:
            wire.cut()
        lines_before = len(self.lines)
        for left in range(self.seconds, 0, -1):
            self.state = "%d s left" % left
            time.sleep(1)
        if len(self.lines) > lines_before + 1:
            self.wrong.append("lines came while nothing could pass")
        self.state = "coming back"
        mended = time.monotonic()
        for wire in wires:
            wire.mend()
        self._wait_for_lines(lines_before + 2, process)
        self.figures["first_line_after_s"] = round(time.monotonic() - mended, 1)
        self._wait_for_lines(BEFORE_SECONDS // 2 + self.seconds, process)
        self.figures["caught_up_after_s"] = round(time.monotonic() - mended, 1)
        self._check_end(process, reader)
        lab.wait_for_no_session()
        for wire in wires:
            wire.close()

    def _read(self, stream):
        for line in stream:
            self.lines.append(line)

    def _wait_for_lines(self, count, process):
        deadline = time.monotonic() + BACK_SECONDS
        while len(self.lines) < count:
            if time.monotonic() > deadline or process.poll() is not None:
                raise AssertionError("%d lines instead of %d%s" % (len(self.lines), count, self._last_words(process)))
            time.sleep(0.05)

    @staticmethod
    def _last_words(process):
        return "" if process.poll() is None else ", ssh ended with %d: %s" % (process.returncode, show(process.stderr.read()))

    def _check_end(self, process, reader):
        status = process.wait(self.lines_due)
        reader.join()
        if status != 0:
            self.wrong.append("ssh ended with %d: %s" % (status, show(process.stderr.read())))
        if self.lines != [b"%d\n" % number for number in range(self.lines_due)]:
            self.wrong.append("lines are missing or repeated: %d came, %d were printed" % (len(self.lines), self.lines_due))
