"""./run soak: one ssh that changes its keys every MiB and echoes random data, while its connection is cut every 30 s; memory
and descriptors are watched. From 6 minutes on also, at the same time: an ssh that outlives an outage of 5 minutes.

    soak.py [--json FILE] [--outage SECONDS] [MINUTES]

Prints a table and a verdict. The exit status is 1 when a byte was wrong, something ended, or anything grew."""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from disturbance import Disturbance
from lab import Lab
from node import Node
from outage import Outage
from workspace import BIN_DIR, Workspace, exit_on_signals, show

KIB = 1024
MIB = 1024 * KIB
CUT_EVERY = 30
SAMPLE_EVERY = 5
OUTAGE_SECONDS = 300
OUTAGE_FROM_MINUTES = 6  # so that it fits
UNDER_WAY = 512 * KIB  # sent and not yet back
PIECE = 16 * KIB
WARM_UP = 0.2  # of the whole time: buffers are touched for the first time
# What medians may grow by. The gateway's queues go up to a megabyte each way when somebody is slow; the requests that read
# the lab's counters are descriptors of the lab, too.
GROWTH_KIB = {"ssm-proxy": 512, "ssm-lab": 2048}
GROWTH_DESCRIPTORS = {"ssm-proxy": 0, "ssm-lab": 2}
STALL_SECONDS = 120  # without a byte


class Echo:
    """`ssh node cat`: what goes in is to come back, in order, once."""

    def __init__(self, work, lab, config, seed):
        self.sent_of, self.came_of = random.Random(seed), random.Random(seed)
        self.sent = self.came = 0
        self.failure = None
        self.log_path = work.path("soak-ssh.log")
        with open(self.log_path, "wb") as log:
            self.process = work.start(["ssh", "-v", "-F", config, "-o", "RekeyLimit=1M", "node", "cat"], env=lab.environment(),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self._room = threading.Semaphore(UNDER_WAY // PIECE)
        self._stop = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        for thread in self.threads:
            thread.start()

    def _write(self):
        try:
            while not self._stop.is_set():
                if self._room.acquire(timeout=1):
                    self.process.stdin.write(self.sent_of.randbytes(PIECE))
                    self.process.stdin.flush()
                    self.sent += PIECE
            self.process.stdin.close()
        except OSError as failure:
            self.failure = self.failure or "ssh takes no more: %s" % failure

    def _read(self):
        while piece := self.process.stdout.read(PIECE):
            if piece != self.came_of.randbytes(PIECE)[:len(piece)]:
                self.failure = self.failure or "other bytes than were sent, from byte %d on" % self.came
                self.process.kill()
                return
            self.came += len(piece)
            self._room.release()

    def finish(self):
        """Returns the words of what went wrong, or None."""
        self._stop.set()
        for thread in self.threads:
            thread.join(STALL_SECONDS)
        try:
            status = self.process.wait(STALL_SECONDS)
        except subprocess.TimeoutExpired:
            return self.failure or "ssh does not end"
        if self.failure is None and (status != 0 or self.came != self.sent):
            self.failure = "ssh ended with %d: %d bytes sent, %d came back" % (status, self.sent, self.came)
        return self.failure and "\n".join([self.failure] + [line for line in self.log().splitlines() if not line.startswith("debug")])

    def log(self):
        with open(self.log_path, "rb") as log:
            return show(log.read())

    def rekeyings(self):
        return self.log().count("set_newkeys: rekeying out")


def child_of(parent):
    """The process id of the ProxyCommand that ssh has started."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % name, encoding="utf-8") as stat:
                    _, text = stat.read().rsplit(")", 1)
                if int(text.split()[1]) == parent and os.readlink("/proc/%s/exe" % name).endswith("/ssm-proxy"):
                    return int(name)
            except OSError:
                continue
        time.sleep(0.05)
    raise AssertionError("ssh has no ssm-proxy beside it")


def sample(pid):
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as status:
        values = dict(re.findall(r"^(VmRSS|VmHWM):\s*(\d+)", status.read(), re.MULTILINE))
    return {"resident_kib": int(values["VmRSS"]), "peak_kib": int(values["VmHWM"]), "descriptors": len(os.listdir("/proc/%d/fd" % pid))}


class Watch:
    """Samples of the two processes, and what the lab counts."""

    def __init__(self, lab, echo):
        self.lab, self.echo = lab, echo
        self.pids = {"ssm-proxy": child_of(echo.process.pid), "ssm-lab": lab.process.pid}
        self.began = time.monotonic()
        self.samples = []

    def take(self):
        status = self.lab.status()
        self.samples.append(dict({name: sample(pid) for name, pid in self.pids.items()},
                                 seconds=round(time.monotonic() - self.began, 1), bytes=self.echo.came,
                                 open_sessions=status["open_sessions"],
                                 connections=status["counters"]["client_connections"]))
        return self.samples[-1]

    def thirds(self, name, what):
        """Medians of the first and the last third after the warm-up."""
        values = [at[name][what] for at in self.samples[int(len(self.samples) * WARM_UP):]]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])


class Progress:
    def __init__(self, seconds):
        self.seconds = seconds
        self.on_terminal = sys.stdout.isatty()
        self.next_line = 60

    def show(self, at, outage):
        text = "%4d of %d s  %7.1f MB echoed  %3d resumed  ssm-proxy %.1f MB, %d descriptors%s" % (
            at["seconds"], self.seconds, at["bytes"] / 1e6, at["connections"] - 1, at["ssm-proxy"]["resident_kib"] * KIB / 1e6,
            at["ssm-proxy"]["descriptors"], "  outage: " + outage.state if outage else "")
        if self.on_terminal:
            print("\r\033[K" + text, end="", flush=True)
        elif at["seconds"] >= self.next_line:
            self.next_line += 60
            print(text, flush=True)

    def end(self):
        if self.on_terminal:
            print("\r\033[K", end="")


def run_echo(lab, echo, seconds, outage):
    """Returns (watch, cuts, what went wrong)."""
    progress = Progress(seconds)
    watch = Watch(lab, echo)
    moved, moved_at = 0, time.monotonic()
    with Disturbance(lab, client_every=CUT_EVERY) as cuts:
        while time.monotonic() < watch.began + seconds and not echo.failure and echo.process.poll() is None:
            progress.show(watch.take(), outage)
            if echo.came > moved:
                moved, moved_at = echo.came, time.monotonic()
            elif time.monotonic() > moved_at + STALL_SECONDS:
                echo.failure = "not a byte for %d s" % STALL_SECONDS
            time.sleep(SAMPLE_EVERY)
    progress.end()
    return watch, cuts, echo.finish()


def judge(watch, cuts, echo):
    """Prints the table; returns what is wrong with the figures."""
    wrong = []
    print("%-10s %-22s %12s %12s %10s" % ("process", "", "first third", "last third", "may grow"))
    for name in watch.pids:
        for what, title, limit in (("resident_kib", "resident memory, KiB", GROWTH_KIB[name]), ("peak_kib", "its peak, KiB", None),
                                   ("descriptors", "open descriptors", GROWTH_DESCRIPTORS[name])):
            first, last = watch.thirds(name, what)
            print("%-10s %-22s %12g %12g %10s" % (name, title, first, last, "-" if limit is None else limit))
            if limit is not None and last - first > limit:
                wrong.append("%s: %s grew from %g to %g" % (name, title, first, last))
    print("%.1f MB echoed, %d changes of keys, %s" % (echo.came / 1e6, echo.rekeyings(), cuts))
    if max(at["open_sessions"] for at in watch.samples) != 1:
        wrong.append("more than one session was open")
    if echo.rekeyings() < 2:
        wrong.append("the keys never changed")
    if cuts.clients < 1:
        wrong.append("it was never cut")
    return wrong


def soak(options):
    """Returns what build/soak.json is to hold."""
    with Workspace() as work:
        lab, node = Lab(work), Node(work)
        config = node.ssh_config()
        outage = Outage(node, options.outage) if options.outage else None
        echo = Echo(work, lab, config, options.seed)
        watch, cuts, failure = run_echo(lab, echo, options.minutes * 60, outage)
        wrong = judge(watch, cuts, echo) + ([failure] if failure else [])
        if outage:
            wrong += outage.finish()
            print(outage)
        lab.wait_for_no_session()
        return {"minutes": options.minutes, "seed": options.seed, "bytes_echoed": echo.came, "rekeyings": echo.rekeyings(),
                "resumed": cuts.clients, "outage": outage and outage.figures, "wrong": wrong, "samples": watch.samples}


def main():
    exit_on_signals()
    parser = argparse.ArgumentParser(prog="./run soak")
    parser.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES", help="how long (10)")
    parser.add_argument("--outage", type=int, metavar="SECONDS",
                        help="length of the outage, 0 for none (%d from %d minutes on)" % (OUTAGE_SECONDS, OUTAGE_FROM_MINUTES))
    parser.add_argument("--seed", type=int, default=random.randrange(2 ** 31), help="of the data")
    parser.add_argument("--json", default=os.path.join(os.path.dirname(os.path.dirname(BIN_DIR)), "soak.json"))
    options = parser.parse_args()
    if not 1 <= options.minutes <= 100000:
        parser.error("MINUTES must be 1 or more")
    if options.outage is None:
        options.outage = OUTAGE_SECONDS if options.minutes >= OUTAGE_FROM_MINUTES else 0
    print("%g minutes, cut every %d s, random seed %d%s" % (
        options.minutes, CUT_EVERY, options.seed, ", and an outage of %d s beside" % options.outage if options.outage else ""), flush=True)
    document = soak(options)
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    for what in document["wrong"]:
        print("FAILED: " + what)
    print("%s; samples in %s" % ("FAILED" if document["wrong"] else "Flat and whole", options.json))
    return 1 if document["wrong"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except AssertionError as failure:
        sys.exit("%s" % failure)
