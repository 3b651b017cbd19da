"""What a login costs does not depend on how many processes there are."""

import os
import re
import signal
import socket
import subprocess

from host_case import HostCase
from managed_node import WORK_DIR, must_run, read, write

FEW, MANY = 50, 2500
BEGIN, END = WORK_DIR + "/begin", WORK_DIR + "/end"
# /proc/stat and /proc/PID/stat hold counters that grow by a digit now and then.
SLACK = 512


class BudgetTest(HostCase):
    def sleepers(self, count):
        """Processes that wait for a pipe that nobody opens."""
        pipe = WORK_DIR + "/pipe"
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        shell = subprocess.Popen(["dash", "-c", "i=0; while [ $i -lt %d ]; do : <%s & i=$((i+1)); done; echo; wait" % (count, pipe)],
                                 stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(shell.wait)
        self.addCleanup(os.killpg, shell.pid, signal.SIGKILL)
        shell.stdout.readline()
        shell.stdout.close()

    def connect(self):
        """A connection that a session's worker holds: the server's end, and SSH_CONNECTION."""
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        worker = subprocess.Popen(self.session(port=port).command(), stdin=subprocess.PIPE)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.stdin.close)
        connection, client = listener.accept()
        self.addCleanup(listener.close)
        self.addCleanup(connection.close)
        connection.set_inheritable(True)  # the driver is the server of this connection, as sshd is
        return connection.fileno(), "127.0.0.1 %d 127.0.0.1 %d" % (client[1], port)

    def measure(self, server, connection):
        """Files opened, bytes read, and milliseconds without a trace."""
        driver = ["/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "budget_driver.py"), "gate", connection,
                  BEGIN, END]
        trace = WORK_DIR + "/trace"
        must_run("strace", "-o", trace, "-e", "trace=open,openat,openat2,read,pread64,getdents64,recvfrom,stat,newfstatat", *driver,
                 pass_fds=(server,))
        lines = read(trace).splitlines()
        begin = next(i for i, line in enumerate(lines) if BEGIN in line)
        end = next(i for i, line in enumerate(lines) if END in line)
        between = lines[begin:end]
        opened = sum(1 for line in between if re.match(r"open", line))
        got = sum(int(line.rpartition("= ")[2]) for line in between if re.match(r"(read|pread64|getdents64|recvfrom)\(.* = \d+$", line))
        return opened, got, float(must_run(*driver, pass_fds=(server,)).output)

    def test_cost_of_a_login(self):
        write("/etc/pam.d/gate", "account required pam_ssm.so\n")
        server, connection = self.connect()
        self.sleepers(FEW)
        few = self.measure(server, connection)
        self.sleepers(MANY - FEW)
        processes = sum(1 for name in os.listdir("/proc") if name.isdigit())
        if processes < MANY:
            self.skipTest("only %d processes may be had here" % processes)
        many = self.measure(server, connection)
        print("%d processes: %d files, %d bytes, %.2f ms; %d processes: %d files, %d bytes, %.2f ms" % (FEW, *few, processes, *many))
        self.assertEqual(few[0], many[0])
        self.assertLess(abs(few[1] - many[1]), SLACK)
