"""The two halves together: ssh through ssm-proxy and ssm-lab, whose node runs a session worker as root, to a real sshd with our
PAM line; and sudo knows who signed StartSession."""

import os
import signal
import subprocess

from host_case import HostCase
from managed_node import AGENT_DIR, AGENT_RULE, STATE_DIR, WORK_DIR, WORKER, must_run, read, remove, run, write
from lab import Lab
from workspace import Workspace, program

USER = "arn:aws:iam::111122223333:user/lab-user"
ROLE = "arn:aws:sts::111122223333:assumed-role/lab-role/lab-user"


class TwoHalvesTest(HostCase):
    def setUp(self):
        super().setUp()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.lab = Lab(self.work, "--no-agent-pause", "--session-worker", WORKER, "--agent-state-dir", AGENT_DIR)
        keys = self.lab.info["temporary"]
        self.environments = {
            USER: self.lab.environment(),
            ROLE: self.lab.environment(AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"],
                                       AWS_SESSION_TOKEN=keys["session_token"]),
        }

    def command(self, remote, port=22):
        return self.node.ssh_command("ssm-user", remote, port=port, options=(
            "HostName=i-0123456789abcdef0", "ProxyCommand=%s connect %%h %%p %%r" % program("ssm-proxy")))

    def ssh(self, principal, remote, port=22):
        return run(*self.command(remote, port), env=self.environments[principal])

    def begin(self, principal, remote):
        process = subprocess.Popen(self.command(remote), env=self.environments[principal], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, cwd="/", bufsize=0)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def sessions_of(self, principal):
        return {session["id"] for session in self.lab.status()["sessions"] if session["owner"] == principal}

    def test_levels(self):
        """No sudo, the list, everything; and the audit log names the principal and the session that the service knows."""
        commands = "sudo -n id -u; sudo -n whoami; true"
        for level, wanted in (("none", []), ("limited", ["0"]), ("root", ["0", "root"])):
            with self.subTest(level=level):
                self.node.set_level(level)
                before = self.sessions_of(USER)
                result = self.ssh(USER, commands)
                self.assert_success(result)
                self.assertEqual(result.output.split(), wanted)
                (session_id,) = self.sessions_of(USER) - before
                for event in ("login", "sudo-allowed" if wanted else "sudo-refused"):
                    entry = self.node.audit(event)[-1]
                    self.assertEqual((entry["owner_arn"], entry["session_id"], entry["level"]), (USER, session_id, level))
                    self.assertEqual(entry["document"], "AWS-StartSSHSession")
        self.node.wait_until("no state file", lambda: os.listdir(STATE_DIR) == [])

    def test_two_principals_at_once(self):
        """Two access keys of one person's, two sessions that are open at the same time: each is known for what it is."""
        self.node.grant(owner=ROLE)
        said = "echo $SSM_SESSION_ID; sudo -n id -u; echo status $?; read end"
        processes = {principal: self.begin(principal, said) for principal in (USER, ROLE)}
        ids = {principal: process.stdout.readline().decode().strip() for principal, process in processes.items()}
        records = self.node.records()
        output = {principal: process.communicate(b"end\n", timeout=60)[0].decode() for principal, process in processes.items()}
        self.assertEqual(len(records), 2)
        self.assertEqual({principal: {session} for principal, session in ids.items()},
                         {principal: self.sessions_of(principal) for principal in processes})
        self.assertIn("no grant is active for this session", output[USER])
        self.assertEqual(output[ROLE].split(), ["0", "status", "0"])
        for event, principal in (("sudo-refused", USER), ("sudo-allowed", ROLE)):
            self.assertEqual({(entry["owner_arn"], entry["session_id"]) for entry in self.node.audit(event)},
                             {(principal, ids[principal])})

    def test_from_nothing(self):
        """As an admin does it: init, sshd told to read its files again, a level, a key that is good for a minute."""
        must_run("userdel", "-r", "ssm-user")
        write("/etc/pam.d/sshd", self.node.sshd_pam)
        remove("/etc/pam.d/ssm-sudo*", "/etc/sudoers.d/zzz-ssm-bridge", "/etc/ssm-bridge", "/var/lib/ssm-bridge")
        write("/etc/sudoers.d/ssm-agent-users", AGENT_RULE, 0o440)
        must_run("ssm-userctl", "init")
        self.addCleanup(self.undo)
        must_run("ssm-userctl", "level", "root")
        must_run("ssm-userctl", "key", "accept", "--for", "60s", text_input=read(WORK_DIR + "/user_key.pub"))
        self.node.sshd.send_signal(signal.SIGHUP)
        self.node.syslog.wait_for(["Received SIGHUP"], self.since)
        for address in ("127.0.0.1 ", "::1 "):
            self.assert_logged("Server listening on " + address)
        self.assert_success(self.ssh(USER, "id -un; sudo -n id -u"), "ssm-user\n0")
        self.assertEqual(self.node.audit("sudo-allowed")[-1]["owner_arn"], USER)
        self.assert_refused(self.node.ssh("ssm-user", "id"), "login-refused", "not the SSM agent's session worker")
        self.assert_success(self.node.ssh("administrator", "sudo -n id -u"), "0")

    def undo(self):
        must_run("ssm-userctl", "uninstall")
        must_run("userdel", "-r", "ssm-user")
        self.node.add_user("ssm-user")
        must_run("chage", "-E", "1", "ssm-user")

    def test_beside_a_session(self):
        """While a session is open, a direct connection is as refused as ever."""
        process = self.begin(USER, "echo in; read end")
        self.assertEqual(process.stdout.readline(), b"in\n")
        self.assert_refused(self.node.ssh("ssm-user", "id"), "login-refused", "not the SSM agent's session worker")

    def test_port_that_refuses(self):
        result = self.ssh(USER, "true", port=2)
        self.assertNotEqual(result.status, 0)
        self.node.wait_until("no state file", lambda: not os.path.isdir(STATE_DIR) or os.listdir(STATE_DIR) == [])
