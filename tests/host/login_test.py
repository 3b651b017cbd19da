"""Who enters as ssm-user, and what sudo gives inside."""

import subprocess

from host_case import HostCase
from managed_node import ALICE, BOB, remove, write


class LoginTest(HostCase):
    def test_direct_login_is_refused(self):
        self.assert_refused(self.node.ssh("ssm-user", "id"), "pam_ssm", "login-refused", "not the SSM agent's session worker")

    def test_session_enters(self):
        session = self.session(ALICE)
        self.assert_success(self.node.ssh("ssm-user", "id -un; echo $SSM_SESSION_ID", session=session), "ssm-user\n" + session.id)
        (login,) = self.node.audit("login-allowed")
        self.assertEqual((login["session_id"], login["owner_arn"]), (session.id, ALICE))

    def test_levels(self):
        for level, status in (("none", 1), ("limited", 0), ("root", 0)):
            self.node.set_level(level)
            self.assertEqual(self.node.ssh("ssm-user", "sudo id -u", session=self.session(BOB)).status, status, level)

    def test_environment_that_names_another_connection(self):
        """Debian's sshd service reads ~/.pam_environment before its session phase: what stands there is the user's word."""
        first = self.session(ALICE)
        with subprocess.Popen(self.node.ssh_command("ssm-user", "echo $SSH_CONNECTION; sleep 60", session=first),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            connection = process.stdout.readline().strip()
            write("/home/ssm-user/.pam_environment", 'SSH_CONNECTION DEFAULT="%s"\nSEEN DEFAULT=yes\n' % connection)
            self.addCleanup(remove, "/home/ssm-user/.pam_environment")
            second = self.session(BOB)
            result = self.node.ssh("ssm-user", "echo $SEEN $SSM_SESSION_ID", session=second)
            process.kill()
        self.assertIn("yes", result.output)
        self.assertNotIn(first.id, result.output)
