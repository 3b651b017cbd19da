"""Whoever wants to be ssm-user, or root, without a session and a grant: each way is refused, with the reason in the log."""

import json
import os
import shutil
import signal
import subprocess

from host_case import HostCase
from managed_node import ALICE, RECORDS, STATE_DIR, WORK_DIR, WORKER, must_run, read, remove, run, write
from pam_client import pam_account

ORDINARY = "the other end belongs to an ordinary user"
NOT_WORKER = "the other end is not the SSM agent's session worker"
NO_STATE = "no readable state of this session"
OUTSIDE = "not inside a Session Manager session"


class ConnectionTest(HostCase):
    """Connections to sshd that no session worker of the agent made."""

    def through(self, *command, user=None):
        """ssh whose ProxyCommand is a worker that somebody starts himself."""
        switch = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
        proxy = " ".join(["env", "SESSION_WORKER_PORT=22", *switch, *command])
        return self.node.ssh("ssm-user", "id", options=("ProxyCommand=" + proxy,))

    def live_session(self):
        """A session that is open, its state file in its place."""
        session = self.session(ALICE)
        process = subprocess.Popen(self.node.ssh_command("ssm-user", "echo in; sleep 60", session=session),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"in\n")
        return session

    def test_own_copy_of_the_worker(self):
        copy = "/home/visitor/ssm-session-worker"
        shutil.copy(WORKER, copy)
        session = self.live_session()
        self.assert_refused(self.through(copy, session.id, user="visitor"), "login-refused", ORDINARY)

    def test_worker_run_by_a_user(self):
        session = self.live_session()
        self.assert_refused(self.through(WORKER, session.id, user="visitor"), "login-refused", ORDINARY)
        self.assert_refused(self.through(WORKER, session.id, user="ssm-user"), "login-refused", ORDINARY)

    def test_worker_that_is_traced(self):
        """Who traces a process decides what it does; but he can only trace his own."""
        session = self.live_session()
        self.assert_refused(self.through("strace", "-f", "-o", "/dev/null", WORKER, session.id, user="visitor"), "login-refused", ORDINARY)

    def test_copied_binary_run_by_root(self):
        copy = "/opt-worker/ssm-session-worker"
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        self.addCleanup(shutil.rmtree, os.path.dirname(copy))
        shutil.copy(WORKER, copy)
        session = self.session(worker=copy)
        self.assert_refused(self.node.ssh("ssm-user", "id", session=session), "login-refused", NOT_WORKER)

    def test_worker_that_the_agent_does_not_know(self):
        self.assert_refused(self.node.ssh("ssm-user", "id", session=self.session(has_state=False)), "login-refused", NOT_WORKER)
        self.live_session()
        self.assert_refused(self.through(WORKER, "alice-00000000000000000"), "login-refused", NOT_WORKER)

    def test_hop_through_sshd(self):
        """ssh -L and -W: the other end is a process of sshd's, with the user's id."""
        jump = " ".join(self.node.ssh_command("visitor", options=("ClearAllForwardings=no",))).replace(
            "visitor@", "-W 127.0.0.1:22 visitor@")
        self.assert_refused(self.node.ssh("ssm-user", "id", options=("ProxyCommand=" + jump,)), "login-refused", ORDINARY)

    def test_hop_from_inside_a_session(self):
        """Somebody's session as the way in for somebody else, who has no session."""
        outer = self.session()
        command = self.node.ssh_command("ssm-user", "sleep 60", session=outer, options=("ExitOnForwardFailure=yes",))
        command[1:1] = ["-L", "127.0.0.1:2200:127.0.0.1:22"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            self.node.syslog.wait_for(["login-allowed", outer.id], self.since)
            self.node.wait_until("ssh -L", lambda: run("ssh-keyscan", "-p", "2200", "127.0.0.1").output)
            self.assert_refused(self.node.ssh("ssm-user", "id", port=2200), "login-refused", ORDINARY)
            process.kill()

    def test_planted_key(self):
        """A key that stays behind opens nothing without a session."""
        key = WORK_DIR + "/planted"
        must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        keys = "/home/ssm-user/.ssh/authorized_keys"
        self.addCleanup(self.node.accept_key, "ssm-user")
        self.assert_success(self.node.ssh("ssm-user", "echo '%s' >>%s" % (read(key + ".pub").strip(), keys), session=self.session()))
        for address in ("127.0.0.1", "::1"):
            command = self.node.ssh_command("ssm-user", "id", options=("HostName=" + address,))
            command[command.index("-i") + 1] = key
            self.assert_refused(run(*command), "login-refused", NOT_WORKER)
            self.since = len(self.node.syslog.lines)

    def test_address_that_is_not_loopback(self):
        """From the machine's own address: never the agent, which dials localhost."""
        must_run("ip", "address", "add", "10.9.8.7/32", "dev", "lo")
        self.addCleanup(must_run, "ip", "address", "delete", "10.9.8.7/32", "dev", "lo")
        with open("/etc/ssh/sshd_config", "a", encoding="ascii") as file:
            file.write("ListenAddress 10.9.8.7\n")
        self.node.sshd_use_pam = None  # it starts anew with the next test, too
        self.addCleanup(self.node.start_sshd)
        self.node.sshd.terminate()
        self.node.sshd.wait()
        self.node.sshd = subprocess.Popen([self.node.sshd_program, "-D"], stdin=subprocess.DEVNULL, cwd="/")
        self.assert_logged("Server listening on 10.9.8.7 ")
        result = self.node.ssh("ssm-user", "id", options=("HostName=10.9.8.7",))
        self.assert_refused(result, "login-refused", "does not come from this machine's own agent")

    def test_hostile_session_ids(self):
        self.assert_success(self.node.ssh("ssm-user", "true", session=self.session(information={"DocumentVersion": "\u2028\n"})))
        for session_id in ("..", "a b", "x\nlogin-allowed: user root", 'x";id;"', "../../../../etc/shadow", "%s%n", "a" * 97, "", "bob-2"):
            with self.subTest(session_id=session_id):
                self.since = len(self.node.syslog.lines)
                session = self.session(session_id="alice-1", information={"DocumentID": session_id})
                self.assert_refused(self.node.ssh("ssm-user", "id", session=session), "login-refused", NOT_WORKER)
        self.assertEqual(len(self.node.audit("login-refused")), 9)

    def test_hostile_owner(self):
        """An ARN is somebody's text: it is quoted where it is written."""
        owner = 'arn:aws:iam::1:user/x","event":"sudo-allowed","x":"%s%n\\'
        self.assert_success(self.node.ssh("ssm-user", "true", session=self.session(owner, "alice-1")))
        (login,) = self.node.audit("login-allowed")
        self.assertEqual(login["owner_arn"], owner)
        with_line_end = self.session(ALICE + "\nlogin-allowed", "alice-2")
        self.assert_refused(self.node.ssh("ssm-user", "true", session=with_line_end), "login-refused", NOT_WORKER)

    def test_state_that_others_could_have_written(self):
        ways = {"mode": 'chmod 666 "$1"', "owner": 'chown visitor: "$1"', "link": 'mv "$1" /run/test/moved; ln -s /run/test/moved "$1"',
                "folder": 'chmod 777 "${1%/*}"', "no JSON": 'echo >>"$1" rubbish', "cut": 'truncate -s 40 "$1"',
                "another process": 'sed -i "s/\\"Pid\\": [0-9]*/\\"Pid\\": 1/" "$1"',
                "another start": 'sed -i "s/\\"StartTime\\": \\"[0-9]*/\\"StartTime\\": \\"2021/" "$1"'}
        self.addCleanup(os.chmod, STATE_DIR, 0o700)
        for way, damage in ways.items():
            with self.subTest(way=way):
                self.since = len(self.node.syslog.lines)
                session = self.session(then=damage)
                self.assert_refused(self.node.ssh("ssm-user", "id", session=session), "login-refused", "the SSM agent")
                os.chmod(STATE_DIR, 0o700)

    def test_document_that_is_not_for_sshd(self):
        session = self.session(document="AWS-StartPortForwardingSession")
        self.assert_refused(self.node.ssh("ssm-user", "id", session=session), "login-refused", session.id, "not one of Documents")


class OtherWaysTest(HostCase):
    """Services that are not sshd, for an account that is parked."""

    def test_cron_at_and_login(self):
        """The account phase of each service, as cron and others run it before a job."""
        for service in ("cron", "login", "su", "su-l", "other", "chsh"):
            with self.subTest(service=service):
                self.since = len(self.node.syslog.lines)
                self.assertNotEqual(pam_account(service, "ssm-user"), 0)
                self.assert_logged("pam_unix(%s:account): account ssm-user has expired" % service)
                self.assertEqual(pam_account(service, "visitor"), 0)

    def test_other_users_cannot_become_it(self):
        for command in (["su", "-c", "id", "ssm-user"], ["sudo", "-n", "-u", "ssm-user", "id"]):
            self.assertNotEqual(self.node.run_as("visitor", *command).status, 0)


class SudoTest(HostCase):
    """Processes of ssm-user's that no verified session is above."""

    def setUp(self):
        super().setUp()
        self.node.set_level("root")

    def wait_for_file(self, path):
        self.addCleanup(remove, path)
        self.node.wait_until(path, lambda: os.path.exists(path) and read(path).endswith("done\n"))
        return read(path)

    def test_outside_of_a_session(self):
        self.assert_refused(self.node.run_as("ssm-user", "sudo", "-n", "id"), "sudo-refused", OUTSIDE)

    def test_daemon(self):
        """What is left behind has init as its parent, even while the session lives."""
        command = "(setsid sh /home/ssm-user/daemon.sh >/home/ssm-user/daemon 2>&1 </dev/null &); sleep 1.5; sudo -n id -u"
        write("/home/ssm-user/daemon.sh", "sleep 0.3\nsudo -n id -u\necho status $?\necho done\n")
        self.assert_success(self.node.ssh("ssm-user", command, session=self.session()), "0")
        self.assertIn("status 1", self.wait_for_file("/home/ssm-user/daemon"))
        self.assert_logged("sudo-refused", OUTSIDE)

    def test_session_that_was_ended(self):
        """Each user may stop sshd's unprivileged process of his: then nobody notices that the connection is gone, and the login
        outlives its session."""
        home = "/home/ssm-user/"
        self.addCleanup(remove, home + "before", home + "go")
        session = self.session()
        command = "kill -STOP $PPID; sudo -n id -u >before; until [ -e go ]; do sleep 0.05; done; " \
                  "sudo -n id -u >after 2>&1; echo status $? >>after; echo done >>after; kill -CONT $PPID"
        with subprocess.Popen(self.node.ssh_command("ssm-user", command, session=session), stdin=subprocess.DEVNULL) as process:
            self.node.wait_until("sudo", lambda: os.path.exists(home + "before") and read(home + "before") == "0\n")
            state = json.loads(read(os.path.join(STATE_DIR, session.id)))
            os.kill(state["DocumentInformation"]["ProcInfo"]["Pid"], signal.SIGKILL)  # the agent does it for TerminateSession
        self.node.wait_until("the session's end", lambda: not os.path.exists(os.path.join(STATE_DIR, session.id)))
        self.assertEqual(len(self.node.records()), 1)
        write(home + "go", "")
        self.assertIn("status 1", self.wait_for_file(home + "after"))
        self.assert_logged("sudo-refused", "has ended")

    def test_forged_ancestor(self):
        """A worker above sudo that ssm-user started himself."""
        result = self.node.run_as("ssm-user", "env", "SESSION_WORKER_USER=ssm-user", "SESSION_WORKER_COMMAND=sudo -n id; exit $?", WORKER,
                                  "alice-00000000000000001")
        self.assert_refused(result, "sudo-refused", ORDINARY)

    def test_worker_of_roots_that_the_agent_does_not_know(self):
        result = self.session(has_state=False).shell("sudo -n id; exit $?")
        self.assert_refused(result, "sudo-refused", NO_STATE)

    def test_record_of_another_start(self):
        """A pid that was used before: the record is of a process that has ended."""
        shell = self.shell(self.session())  # the worker lives
        self.assert_success(shell.do("sudo -n cp -a %s /run/test/records" % RECORDS))
        (name,) = os.listdir("/run/test/records")
        self.addCleanup(remove, "/run/test/records")
        text = read("/run/test/records/" + name)
        pid, start = name.split("-")
        # This very process would be the ancestor with the record.
        ours = str(os.getpid())
        real = read("/proc/self/stat").rpartition(")")[2].split()[19]

        def plant(named, said):
            remove(RECORDS + "/*")
            content = text.replace('PID="%s"' % pid, 'PID="%s"' % said[0]).replace('\nSTART="%s"' % start, '\nSTART="%s"' % said[1])
            write(RECORDS + "/%s-%s" % named, content, 0o600)

        plant((ours, real), (ours, real))
        self.assert_success(self.node.run_as("ssm-user", "sudo", "-n", "id", "-u"), "0")
        for named, said in (((ours, start), (ours, start)), ((ours, real), (ours, start)), ((ours, real), (pid, real))):
            with self.subTest(named=named, said=said):
                plant(named, said)
                self.assert_refused(self.node.run_as("ssm-user", "sudo", "-n", "id", "-u"), "sudo-refused", OUTSIDE)

    def test_document_that_is_not_for_sudo(self):
        session = self.session()
        self.assert_refused(session.shell("sudo -n id; exit $?", document="AWS-StartNonInteractiveCommand"), "sudo-refused", session.id, "not one of ShellDocuments")
