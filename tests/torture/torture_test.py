"""ssm-proxy, whole, against ssm-lab: each of its calls to the system and to libraries fails once (torture.h), in as many
ways as it has."""

import collections
import concurrent.futures
import contextlib
import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import unittest

from lab import Lab
from lab_case import NODE_ID, TcpPeer
from torture_list import read_wrapped
from workspace import Workspace, exit_on_signals, program, show

# The exit statuses of ssm-proxy(1), but for those of signals.
STATUSES = {0, 64, 66, 69, 71, 75, 76, 77, 78}

WORKERS = 2
# Far from what any of it takes, however busy the machine is: only what never ends is to meet these.
RUN_SECONDS = 100
END_SECONDS = 30

# Longer than RUN_SECONDS: a failure that only a clock of ours gets a run out of is found, however busy the machine is.
PATIENCE = [option + "=1000" for option in ("--connect-timeout", "--resume-timeout", "--ping-interval")]

# How long the next run waits for the API to end a session of an earlier one: CALL_TIMEOUT_US in reaper.c. A run that a
# busy machine held up for as long may leave it to the one after it.
REAP_SECONDS = 4

# No further call is made to fail after so many findings: each may cost the time above.
WRONG_MAX = 3

# Called first of all when a session has its id, and is to be remembered.
MARK = "readlink"

# What only a whole run calls, beside libcurl; see is_for_others in torture_scenarios.c.
PROCESS_FUNCTIONS = {"socket", "setsockopt", "setsid", "setpgid", "getpgid", "setrlimit"}

INPUT = bytes(range(256)) * 8
GREETING = b"SSH-2.0-torture\r\n" + b"g" * 3000
ANSWER = b"the answer"


Failure = collections.namedtuple("Failure", "function caller number error")


class Worker:
    """A lab, a peer and a state directory, in which one run after the other is made."""

    def __init__(self, case):
        self.work = Workspace()
        self.lab = Lab(self.work, "--no-agent-pause")
        self.report = self.work.path("report")
        self.wrong_upload = None
        self.left = set()
        self.on_input = lambda: None
        self.peer = TcpPeer(case, self.serve)

    def serve(self, connection):
        """An answer to the right input; what happens in between is the test's."""
        connection.sendall(GREETING)
        got = b""
        while len(got) < len(INPUT) and (piece := connection.recv(4096)):
            got += piece
        if not INPUT.startswith(got):
            self.wrong_upload = got
        if got == INPUT:
            self.on_input()
            connection.sendall(ANSWER)
        while connection.recv(4096):
            pass

    def run(self, torture, *arguments, talk=None):
        """Like an ssh: it hangs up when it has all that it waited for."""
        if os.path.exists(self.report):
            os.unlink(self.report)
        settings = {} if torture is None else {"SSM_TORTURE": torture, "SSM_TORTURE_REPORT": self.report, "SSM_TORTURE_MARK": MARK}
        command = [program("torture_proxy"), *arguments]
        process = self.work.start(command, env=self.lab.environment(**settings), start_new_session=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        deadline = time.monotonic() + RUN_SECONDS
        try:
            out = (talk or self.talk)(process, deadline)
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("it hangs: SSM_TORTURE=%s" % torture)
        message = process.stderr.read()
        self.work.stop(process)
        return subprocess.CompletedProcess(command, process.returncode, out, message)

    def talk(self, process, deadline):
        out = b""
        try:
            process.stdin.write(INPUT)  # a pipe takes it at once
        except BrokenPipeError:
            pass
        while out != GREETING + ANSWER:
            readable, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not readable:
                raise subprocess.TimeoutExpired(process.args, RUN_SECONDS)
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            out += piece
        process.stdin.close()
        process.stdout.close()
        return out

    def connect(self, torture=None):
        return self.run(torture, "connect", *PATIENCE, "node", str(self.peer.port))

    def talk_through(self, process, deadline):
        """A program that connects to what the first line names; one that loses its connection tries again. Then the end."""
        local = process.stdout.readline().split(b"\t")[0]
        got = b""
        for _ in range(3 if local else 0):
            with contextlib.suppress(ConnectionError), socket.create_connection(local.decode().split(":")) as program_socket:
                program_socket.settimeout(max(1, deadline - time.monotonic()))
                program_socket.sendall(INPUT)
                got = b""
                while got != GREETING + ANSWER and (piece := program_socket.recv(65536)):
                    got += piece
            if got == GREETING + ANSWER:
                break
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that has failed is not to be disturbed while it leaves
            process.wait(0.02 if got == GREETING + ANSWER else END_SECONDS / 10)
        process.terminate()
        return got

    def forward(self, torture=None):
        done = self.run(torture, "forward", *PATIENCE, "node", "0:%d" % self.peer.port, talk=self.talk_through)
        if done.returncode == 128 + signal.SIGTERM:
            done.returncode = 0
            done.stderr = re.sub(rb"(?m)^.*: a connection could not be taken\n", b"", done.stderr)  # and the next one was
        elif done.returncode == -signal.SIGTERM and done.stderr:  # it had failed, and was about to exit
            done.returncode = 71
        return done

    def drop_on_input(self):
        self.on_input = lambda: self.lab.faults(drop_client_connections=True)

    def leave_a_session(self):
        """A client that is killed while its session is open."""
        peer = TcpPeer(unittest.TestCase(), lambda connection: (connection.sendall(b"x"), connection.recv(1)))
        client = self.work.start([program("torture_proxy"), "connect", "node", str(peer.port)], env=self.lab.environment(),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if client.stdout.read(1) != b"x":
            message = show(client.stderr.read())
            raise AssertionError("the client that is to be killed ends with status %d: %s" % (client.wait(), message))
        self.left = self.open_sessions()
        client.kill()
        self.work.stop(client)
        peer.close()

    def read_report(self):
        """Of its last run: the lines of places or of a strike, and whether there is a mark."""
        if not os.path.exists(self.report):
            return [], False
        with open(self.report, encoding="ascii") as file:
            lines = [line.split() for line in file]
        return [line for line in lines if line != ["mark"]], ["mark"] in lines

    def open_sessions(self):
        return {session["id"] for session in self.lab.status()["sessions"] if session["status"] not in ("Terminated", "Failed")}

    def terminate_sessions(self, sessions):
        for session in sessions:
            self.lab.terminate(session)

    def remembered_sessions(self):
        """Those that have a record."""
        sessions = set()
        for path in glob.glob(os.path.join(self.work.state, "ssm-bridge", "sessions", "*.session")):
            with open(path, encoding="ascii") as file:
                sessions.update(line.split()[1] for line in file if line.startswith("session "))
        return sessions

    def close(self):
        self.peer.close()
        self.work.close()


class TortureProxyTest(unittest.TestCase):
    """Of each run: it ends in time, with a status of the manual page, and without a finding of the sanitizers; standard
    output has nothing but bytes of the truth, all of them after status 0; standard error one line, none after status 0;
    and the next run, at the latest, ends the session."""

    truth = GREETING + ANSWER

    def setUp(self):
        exit_on_signals()
        self.workers = [Worker(self) for _ in range(WORKERS)]
        for worker in self.workers:
            self.addCleanup(worker.close)
        self.outcomes = collections.Counter()
        self.struck = set()

    def count(self, worker, run):
        """What there is to fail: {place: (calls, errors)}. The second run counts, the first makes directories; another one
        where REAP_SECONDS were not enough."""
        runs = 0
        while runs < 2 or (worker.remembered_sessions() and runs < 5):
            runs += 1
            done = run(worker, "count")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, self.truth or done.stdout)
        places, _ = worker.read_report()
        self.assertIsNone(self.judge_sessions(worker, True))
        return {(function, caller): (int(calls), int(errors)) for function, caller, calls, errors in places}

    def judge(self, worker, done, is_known):
        """What is wrong about this run, or None."""
        message = show(done.stderr)
        if done.returncode not in STATUSES:
            return "an exit status that the manual does not have"
        if self.truth and not self.truth.startswith(done.stdout):
            return "wrong bytes on standard output"
        if worker.wrong_upload is not None:
            return "wrong bytes to the server"
        if self.truth and done.returncode == 0 and done.stdout != self.truth:
            return "success, and output is missing"
        if message.count("\n") != (0 if done.returncode == 0 else 1):
            return "not one line on standard error"
        self.outcomes["survived" if done.returncode == 0 else "exit status %d" % done.returncode] += 1
        return self.judge_sessions(worker, is_known or bool(done.stdout))

    def judge_sessions(self, worker, is_known):
        """What is wrong with those that are still open, or None."""
        still_open = worker.open_sessions()
        if not is_known:  # the reply to StartSession never arrived, or could not be read
            unheard = still_open - worker.remembered_sessions() - worker.left
            worker.terminate_sessions(unheard)
            self.outcomes.update({"session whose id never arrived": len(unheard)} if unheard else {})
            still_open -= unheard
        if not still_open:
            return None
        wrong = self.end_sessions(worker)
        if not wrong:
            self.outcomes["session that ended later"] += 1
        return wrong and "%s; to be ended were %s" % (wrong, sorted(still_open))

    def end_sessions(self, worker):
        """Lets the next run do it; what is wrong then, or None."""
        worker.on_input = lambda: None
        deadline = time.monotonic() + END_SECONDS
        while True:
            began = time.monotonic()
            done = worker.connect()
            took = time.monotonic() - began
            if (done.returncode, done.stdout) != (0, GREETING + ANSWER):
                return "the next run fails with status %d: %s" % (done.returncode, show(done.stderr))
            remembered = worker.remembered_sessions()
            if not remembered:
                break
            if took < REAP_SECONDS or began > deadline:
                return "the next run leaves records of sessions: %s" % sorted(remembered)
        try:  # an agent that misses an acknowledgement waits for 2 s
            worker.lab.wait_for_no_session(END_SECONDS)
        except AssertionError:
            return "these stay open without a record: %s" % sorted(worker.open_sessions())
        return None

    def torture_once(self, worker, run, failure):
        worker.wrong_upload = None
        try:
            done = run(worker, "%s:%s:%d:%d" % failure)
        except AssertionError as hanging:
            return str(hanging)
        struck, is_known = worker.read_report()
        wrong = self.judge(worker, done, is_known)
        if struck:
            self.struck.add(failure.function)
        else:
            self.outcomes["not reached this time"] += 1
            wrong = wrong or (done.returncode != 0 and "nothing failed, and yet it did")
        return wrong and "%s, call %d from %s, fails with %s: %s\n  status %d, %d bytes of output: %s" % (
            failure.function, failure.number, failure.caller, struck[0][1] if struck else "nothing", wrong, done.returncode,
            len(done.stdout), show(done.stderr))

    def torture(self, run, before=None):
        """`run(worker, what)` makes one run. Of a place that test_connect has, by `before`, only the first further call fails,
        in one way; all of them with SSM_TORTURE_ALL=1."""
        places = self.count(self.workers[0], run)
        before = before or {}
        failures = []
        for place, (calls, errors) in places.items():
            first = before.get(place, (0, 0))[0]
            is_brief = place in before and "SSM_TORTURE_ALL" not in os.environ
            failures += [Failure(*place, number, error) for number in range(first, min(calls, first + 1) if is_brief else calls)
                         for error in range(1 if is_brief else errors)]
        self.assertTrue(failures, "nothing that could fail")
        free = list(self.workers)
        wrong = []

        def one(failure):
            if len(wrong) >= WRONG_MAX:
                return
            worker = free.pop()
            try:
                finding = self.torture_once(worker, run, failure)
                if finding:
                    wrong.append(finding)
                    worker.terminate_sessions(worker.open_sessions())
            finally:
                free.append(worker)

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(one, failures))  # which raises what they raise
        print("%d places make %d calls; %d of these fail, %d failures: %s; %d wrong" % (
            len(places), sum(calls for calls, _ in places.values()), len({failure[:3] for failure in failures}), len(failures),
            ", ".join("%d %s" % (count, name) for name, count in sorted(self.outcomes.items())), len(wrong)), flush=True)
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_connect(self):
        self.torture(Worker.connect)
        needed = {name for name in read_wrapped() if name in PROCESS_FUNCTIONS or name.startswith("curl_")}
        self.assertEqual(needed - self.struck, set(), "these never failed, neither here nor in torture_scenarios")

    def test_connect_with_a_key(self):
        """Beside what test_connect has: the key that is there is read and locked, and pushed."""
        def run(worker, what):
            return worker.run(what, "connect", *PATIENCE, "--key", "auto", "--", "node", str(worker.peer.port), "admin")
        self.torture(run, self.count(self.workers[0], Worker.connect))

    def test_connect_with_host_keys(self):
        """Likewise: the note, the keys that are asked for and kept."""
        block = "-----%s SSH HOST KEY KEYS-----\n"
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
        for worker in self.workers:
            worker.lab.nodes(console={NODE_ID: block % "BEGIN" + key + block % "END"})

        def run(worker, what):
            shutil.rmtree(worker.work.path("state", "ssm-bridge", "host-keys"), ignore_errors=True)
            done = worker.run(what, "connect", *PATIENCE, "--host-keys", "console", "--", "node", str(worker.peer.port), "admin")
            done.stderr = re.sub(rb"(?m)^.*: ssh does not get its host keys: .*\n", b"", done.stderr, count=1)  # no failure
            return done
        self.torture(run, self.count(self.workers[0], Worker.connect))

    def test_resume(self):
        def run(worker, what):
            worker.drop_on_input()
            return worker.connect(what)
        self.torture(run, self.count(self.workers[0], Worker.connect))

    def test_session_of_a_killed_run(self):
        def run(worker, what):
            worker.leave_a_session()
            return worker.connect(what)
        self.torture(run, self.count(self.workers[0], Worker.connect))

    def test_forward(self):
        self.torture(Worker.forward, self.count(self.workers[0], Worker.connect))

    def test_version(self):
        self.truth = b""
        self.torture(lambda worker, what: worker.run(what, "version"))
        self.assertIn("fflush", self.struck)
