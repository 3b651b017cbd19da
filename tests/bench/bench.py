"""./run bench: what `ssm-proxy connect` costs, measured against ssm-lab on this machine. Prints a table and writes JSON.
Benchmarks are not tests: no figure makes this fail, only a command that does not work does.

    bench.py [--runs N] [--json FILE] [NAME...]      names: banner delayed-banner cached-role match up large-up
                                              delayed-up down paused-down agent-rate ping ansible"""

import argparse
import concurrent.futures
import json
import os
import platform
import statistics
import subprocess
import sys
import time

TESTS_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS_DIR, "support"), os.path.join(TESTS_DIR, "integration")]

import emulator_support

from lab import Lab
from lab_case import NODE_ID
from node import Node
from playbook import ALONE, PERSIST, Playbook
from workspace import BIN_DIR, Workspace, exit_on_signals, helper, program, show

MIB = 1024 * 1024
ONEWAY_MS = 25
TIMEOUT_SECONDS = 120
AGENT_RATE_PAIRS = 5
TOOLS_DIR = os.environ.get("SSM_BENCH_DIR") or os.path.join(os.path.dirname(BIN_DIR), "bench")


class RunningLab(emulator_support.Lab):
    """One that somebody else has started."""

    def __init__(self, info):
        self.describe(info)


class Bench:
    def __init__(self, work, runs):
        self.work = work
        self.runs = runs
        self.results = {}
        self.labs = {}

    def lab(self, *options):
        if options not in self.labs:
            self.labs[options] = Lab(self.work, *options)
        return self.labs[options]

    def serve(self, tool, *arguments):
        """Starts a tool that prints its port; returns (process, port)."""
        process = self.work.start([os.path.join(TOOLS_DIR, tool), *map(str, arguments)], stdout=subprocess.PIPE)
        return process, int(process.stdout.readline())

    def delayed(self, lab):
        """The lab's environment with every byte to API and gateway ONEWAY_MS late, each way."""
        urls = {}
        for variable, url in (("AWS_ENDPOINT_URL", lab.info["api_url"]), ("AWS_ENDPOINT_URL_SSMMESSAGES", lab.info["gateway_url"])):
            _, port = self.serve("delay_relay", url.rsplit(":", 1)[1], ONEWAY_MS)
            urls[variable] = "https://127.0.0.1:%d" % port
        return lab.environment(**urls)

    def measure(self, environment, mode, size, peer, options=()):
        process, port = self.serve("bench_peer", *peer)
        command = [os.path.join(TOOLS_DIR, "bench_client"), mode, str(size), program("ssm-proxy"), "connect", *options, NODE_ID,
                   str(port)]
        try:
            done = self.work.run(command, TIMEOUT_SECONDS, env=environment)
        finally:
            self.work.stop(process)
        if done.returncode != 0:
            raise AssertionError("%s: %s" % (" ".join(command), show(done.stderr).strip()))
        result = json.loads(done.stdout)
        result["cpu_s"] = round(result["user_s"] + result["system_s"], 3)
        return result

    # One method a benchmark: returns [(what, figure, target)], and keeps the raw figures.

    def banner(self, environment=None, name="banner", what="start to first banner byte", target="<= 31 ms", suffix=""):
        environment = environment or self.lab("--no-agent-pause").environment()
        raw = [self.measure(environment, "banner", 0, ("echo",)) for _ in range(self.runs)]
        times = sorted(run["banner_ms"] for run in raw)
        median = statistics.median(times)
        self.results[name] = {"median_ms": median, "min_ms": times[0], "max_ms": times[-1], "runs": len(times),
                              "cpu_ms": round(1e3 * statistics.median(run["cpu_s"] for run in raw), 1)}
        return [(what, "%.1f ms (%.1f to %.1f, n=%d)%s" % (median, times[0], times[-1], len(times), suffix % (median / 2 / ONEWAY_MS)
                                                         if suffix else ""), target)]

    def delayed_banner(self):
        return self.banner(self.delayed(self.lab("--no-agent-pause")), "delayed-banner", "the same, 25 ms each way", "<= 350 ms",
                           ", %.1f round trips")

    def cached_role(self):
        """The same keys from the shared files and, in turn, a role's from the cache: what the role adds to a start."""
        lab = self.lab("--no-agent-pause")
        keys = (lab.info["access_key_id"], lab.info["secret_access_key"])
        self.work.write("home/.aws/credentials", "[keys]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % keys)
        self.work.write("home/.aws/config", "[profile role]\nrole_arn = %s\nsource_profile = keys\n" %
                        lab.info["identity"]["roles"]["lab-role"]["arn"])
        nothing = dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
        environments = [lab.environment(AWS_PROFILE=profile, **nothing) for profile in ("keys", "role")]
        self.measure(environments[1], "banner", 0, ("echo",))  # fills the cache
        pairs = [[self.measure(environment, "banner", 0, ("echo",))["banner_ms"] for environment in environments]
                 for _ in range(self.runs)]
        medians = [statistics.median(times) for times in zip(*pairs)]
        more = statistics.median(role - static for static, role in pairs)
        self.results["cached-role"] = {"static_ms": medians[0], "role_ms": medians[1], "more_ms": round(more, 3), "runs": self.runs}
        return [("a cached role against static keys", "%.1f ms against %.1f ms: %+.2f ms (n=%d pairs)" % (
            medians[1], medians[0], more, self.runs), "<= +2 ms")]

    def match(self):
        """What ssh asks before each connection to a name without a dot, of a thousand kept names."""
        nodes = self.work.write("state/ssm-bridge/nodes", "".join("web-%d\n" % i for i in range(1000)))
        rows = []
        for binary, note in ((helper("ssh-answer"), ""), (program("ssm-proxy"), ", by ssm-proxy")):
            used = []
            for _ in range(10 * self.runs):
                pid = os.posix_spawn(binary, [binary, "config", "match", "--", "web-500"], self.work.environment())
                _, status, usage = os.wait4(pid, 0)
                assert status == 0, "status %d" % status
                used.append(1e3 * (usage.ru_utime + usage.ru_stime))
            median = statistics.median(used)
            self.results["match" + note] = {"median_cpu_ms": round(median, 2), "max_cpu_ms": round(max(used), 2), "runs": len(used)}
            rows.append(("config match" + note, "CPU %.2f ms (at most %.2f, n=%d)" % (median, max(used), len(used)),
                         "" if note else "<= 5 ms CPU"))
        os.unlink(nodes)
        return rows

    def ansible(self):
        """Ten tasks over ten nodes, by their names."""
        lab = self.lab("--light-nodes", "10")
        node = Node(self.work)
        hosts = ["light-%04d" % number for number in range(1, 11)]
        rows = []
        for what, is_direct, ssh_args in (("Ansible, ControlPersist", False, PERSIST), ("the same, straight to sshd", True, PERSIST),
                                          ("Ansible, no ControlPersist", False, ALONE), ("the same, straight to sshd", True, ALONE)):
            before = lab.counter("started")
            seconds, done = Playbook(self.work, lab, node, is_direct).run(hosts, ssh_args)
            assert done == dict.fromkeys(hosts, 10), done
            sessions = lab.counter("started") - before
            self.results["ansible, " + ("direct, " if is_direct else "") + ssh_args] = {"seconds": round(seconds, 1), "sessions": sessions}
            rows.append((what, "%.1f s, %d sessions" % (seconds, sessions), ""))
        return rows

    def stream(self, name, what, target, environment, mode, size, peer, options=()):
        raw = self.measure(environment, mode, size, (peer, size), options)
        rate = size / raw["seconds"] / 1e6
        self.results[name] = dict(raw, bytes=size, mb_per_s=round(rate, 2))
        per_mib = 1e3 * raw["cpu_s"] / (size / MIB)
        return [(what, "%.2f MB/s, CPU %.2f s (%.1f ms per MiB), memory %.1f MB" % (
            rate, raw["cpu_s"], per_mib, raw["memory_kb"] * 1024 / 1e6), target)]

    def up(self):
        return self.stream("up", "upload of 64 MiB", ">= 25 MB/s, <= 1.5 s CPU, <= 14 MB", self.lab("--no-agent-pause").environment(),
                           "up", 64 * MIB, "sink")

    def large_up(self):
        rows = []
        for payload, size, target in ((16384, 128 * MIB, ">= 90 MB/s"), (65536, 256 * MIB, ">= 110 MB/s")):
            rows += self.stream("up-%d" % payload, "upload of %d MiB, payloads of %d" % (size // MIB, payload), target,
                                self.lab("--no-agent-pause").environment(), "up", size, "sink", ("--payload-size", str(payload)))
        return rows

    def delayed_up(self):
        return self.stream("delayed-up", "upload of 64 MiB, 25 ms each way", ">= 25 MB/s, <= 14 MB", self.delayed(self.lab("--no-agent-pause")),
                           "up", 64 * MIB, "sink")

    def down(self):
        return self.stream("down", "download of 64 MiB, agent's pause off", "<= 14 MB", self.lab("--no-agent-pause").environment(),
                           "down", 64 * MIB, "source")

    def paused_down(self):
        rows = self.stream("paused-down", "download of 8 MiB, agent's pause on", "agent's ceiling (a real one's: 0.73 MB/s), 64 MiB in <= 0.7 s CPU",
                           self.lab().environment(), "down", 8 * MIB, "source")
        what, figure, target = rows[0]
        return [(what, figure + "; 64 MiB: %.2f s" % (8 * self.results["paused-down"]["cpu_s"]), target)]

    def agent_rate(self):
        """Beside ssm-proxy, at the same time and from the same agent process, downloads a client of some lines that shares no
        code with it and does nothing with the bytes: what comes to that one is what the agent gives."""
        size = 2 * MIB
        lab = RunningLab(self.lab().info)
        pairs = []
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            for _ in range(AGENT_RATE_PAIRS):
                other = beside.submit(self.receive_alone, lab, size)
                ours = size / self.measure(self.lab().environment(), "down", size, ("source", size))["seconds"]
                pairs.append((ours / 1e6, other.result() / 1e6))
        ratios = sorted(ours / other for ours, other in pairs)
        median = statistics.median(ratios)
        self.results["agent-rate"] = {"pairs_mb_per_s": pairs, "median_ratio": median}
        return [("download, of the agent's own rate", "%.1f %% (%.1f to %.1f, n=%d) of %.3f MB/s" % (
            100 * median, 100 * ratios[0], 100 * ratios[-1], len(ratios), statistics.median(other for _, other in pairs)), ">= 98 %")]

    def receive_alone(self, lab, size):
        """Bytes a second of `size` bytes from the agent to a client that only receives and acknowledges."""
        process, port = self.serve("bench_peer", "source", size)
        try:
            client = emulator_support.Client(lab, lab.start(port)).handshake()
            client.until("the greeting", lambda: client.output.endswith(b"\n"))
            client.send(b"g")
            begin, received = time.monotonic(), 0
            while received < size:
                client.output = b""
                client.step()
                received += len(client.output)
            seconds = time.monotonic() - begin
            client.websocket.drop()
            return size / seconds
        finally:
            self.work.stop(process)

    def ping(self):
        raw = self.measure(self.lab("--no-agent-pause").environment(), "ping", 2000, ("echo",))
        self.results["ping"] = raw
        return [("ping-pong of 64 bytes", "median %.0f us, 99th percentile %.0f us" % (raw["median_us"], raw["p99_us"]), "")]


NAMES = ("banner", "delayed-banner", "cached-role", "match", "up", "large-up", "delayed-up", "down", "paused-down", "agent-rate", "ping", "ansible")


def processor():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    exit_on_signals()
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("--runs", type=int, default=15, help="starts to take the median of (15)")
    parser.add_argument("--json", default=os.path.join(os.path.dirname(os.path.dirname(BIN_DIR)), "bench.json"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="of: " + " ".join(NAMES))
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error("no such benchmark: " + " ".join(unknown))
    machine = "%d x %s, Linux %s" % (os.cpu_count(), processor(), platform.release())
    print("%s\n\n%-40s %-68s %s" % (machine, "what", "measured", "to reach"), flush=True)
    with Workspace() as work:
        bench = Bench(work, options.runs)
        failed = 0
        for name in options.names or NAMES:
            try:
                for what, figure, target in getattr(bench, name.replace("-", "_"))():
                    print("%-40s %-68s %s" % (what, figure, target), flush=True)
            except AssertionError as failure:
                failed += 1
                print("%-40s did not work: %s" % (name, failure), flush=True)
        document = {"machine": machine, "results": bench.results}
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    print("\nThe same as JSON: " + options.json)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
