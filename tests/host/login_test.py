"""Who enters as ssm-user, and what sudo gives inside."""

from host_case import HostCase
from managed_node import ALICE, BOB


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
