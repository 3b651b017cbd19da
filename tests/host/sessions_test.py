"""ssm-userctl sessions: who is in, with live logins, killed ones, and the agent's shells."""

import json
import os
import signal
import subprocess

from host_case import HostCase
from managed_node import ALICE, BOB, RECORDS, STATE_DIR, must_run, run, write

GRANT = "0123456789abcdef"


class SessionsTest(HostCase):
    def enter(self, session):
        """A login that lasts until the test ends."""
        login = subprocess.Popen(self.node.ssh_command("ssm-user", "echo in; cat", session=session), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.addCleanup(login.stdout.close)
        self.addCleanup(login.communicate)
        self.assertEqual(login.stdout.readline(), b"in\n")
        return login

    def rows(self):
        return json.loads(must_run("ssm-userctl", "sessions", "--json").output)["sessions"]

    def row(self, session):
        (row,) = [row for row in self.rows() if row["session_id"] == session.id]
        return row

    def grant(self, **values):
        boot_id = open("/proc/sys/kernel/random/boot_id", encoding="ascii").read().strip()
        until = int(must_run("date", "+%s").output) + 600
        values = {"ID": GRANT, "SESSION_ID": "", "OWNER": "", "REASON": "x\\\"y", "CREATED": until - 600, "NOT_AFTER": until, "BOOT_DEADLINE": 1 << 40,
                  "BOOT_ID": boot_id, **values}
        write("/var/lib/ssm-bridge/grants/" + GRANT, "".join('%s="%s"\n' % item for item in values.items()), 0o600)
        os.chmod("/var/lib/ssm-bridge", 0o700)
        os.chmod("/var/lib/ssm-bridge/grants", 0o700)

    def test_nobody(self):
        self.assert_success(run("ssm-userctl", "sessions"), "no sessions")
        self.assertEqual(self.rows(), [])

    def test_two_principals_are_told_apart(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        self.enter(alice)
        self.enter(bob)
        self.assertEqual(len(self.rows()), 2)
        for session in (alice, bob):
            row = self.row(session)
            self.assertEqual((row["kind"], row["is_live"], row["owner_arn"], row["user"], row["document"], row["service"]),
                             ("login", True, session.owner, "ssm-user", "AWS-StartSSHSession", "sshd"))
            self.assertEqual(os.path.realpath("/proc/%d/exe" % row["worker_pid"]), "/usr/bin/ssm-session-worker")
        said = must_run("ssm-userctl", "sessions").output
        self.assertIn(ALICE, said)
        self.assertIn(BOB, said)

    def test_grant_is_shown_with_the_session_that_it_binds(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        self.enter(alice)
        self.enter(bob)
        self.grant(OWNER=ALICE)
        self.assertEqual((self.row(alice)["grants"], self.row(bob)["grants"]), ([GRANT], []))
        self.assertIn(GRANT, must_run("ssm-userctl", "sessions").output)

    def test_killed_login_is_dead(self):
        session = self.session(ALICE)
        self.enter(session)
        os.kill(self.row(session)["login_pid"], signal.SIGKILL)
        self.node.wait_until("dead", lambda: [row["kind"] for row in self.rows() if "login_pid" in row] == ["dead-login"])
        self.assertIn("apply sweeps", must_run("ssm-userctl", "sessions").output)

    def test_session_without_a_worker_and_hostile_file(self):
        self.enter(self.session(ALICE))  # makes the directories
        started = "2026-01-01T00:00:00Z"
        state = {"DocumentType": "StartSession", "DocumentInformation": {
            "DocumentID": "eve-1", "DocumentName": "SSM-SessionManagerRunShell", "SessionOwner": "arn\u009b31m\u00e9",
            "ProcInfo": {"Pid": os.getpid(), "StartTime": started}}}
        write(STATE_DIR + "/eve-1", json.dumps(state), 0o600)
        write(STATE_DIR + "/eve-2", "{", 0o600)
        write(RECORDS + "/7-7", "nonsense\n", 0o600)
        self.addCleanup(self.node.reset)
        (row,) = [row for row in self.rows() if row["session_id"] == "eve-1"]
        self.assertEqual((row["kind"], row["is_live"]), ("dead-worker", False))
        result = run("ssm-userctl", "sessions")
        self.assert_success(result)
        self.assertIn("arn\\xc2\\x9b31m\\xc3\\xa9", result.output)
        self.assertIn("1 files make no sense as a login record, 1 as a session of the agent", result.errors)

    def test_shell_of_the_agent(self):
        session = self.session(BOB)
        # The agent writes its file after it has started the worker, which is already at work then.
        script = "until ssm-userctl sessions --json | grep -q session_id; do sleep 0.01; done; ssm-userctl sessions --json"
        result = session.shell(script, user="root")
        self.assert_success(result)
        (row,) = json.loads(result.output)["sessions"]
        self.assertEqual((row["kind"], row["owner_arn"], row["plugin"]), ("shell", BOB, "Standard_Stream"))
        self.assertNotIn("user", row)

    def test_only_root_may_ask(self):
        result = self.node.run_as("visitor", "/usr/sbin/ssm-userctl", "sessions")
        self.assertEqual(result.status, 4, str(result))
