"""What closes an account, and to whom: the facts on which parking rests, with the system's own sshd, sudo, su and useradd; and that
our module opens a parked account for a verified session whatever its shadow entry says."""

import subprocess

from host_case import HostCase
from managed_node import must_run, remove, run, write

USER = "visitor"
HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC"  # of nothing that anybody typed

# state: how it is made, then whether who comes gets in by
#   sshd with PAM, sshd without PAM, sudo, su (from root), the agent's shell
STATES = {
    "locked, as useradd leaves it": ((["usermod", "-p", "!", USER],), "yes no yes yes yes"),
    "!!": ((["usermod", "-p", "!!", USER],), "yes no yes yes yes"),
    "!*": ((["usermod", "-p", "!*", USER],), "yes no yes yes yes"),
    "! before a password": ((["usermod", "-p", "!" + HASH, USER],), "yes no yes yes yes"),
    "*": ((["usermod", "-p", "*", USER],), "yes yes yes yes yes"),
    "*NP*": ((["usermod", "-p", "*NP*", USER],), "yes yes yes yes yes"),
    "a password": ((["usermod", "-p", HASH, USER],), "yes yes yes yes yes"),
    "no password": ((["usermod", "-p", "", USER],), "yes yes yes yes yes"),
    "expired in 1970": ((["chage", "-E", "1", USER],), "no no no no yes"),
    "expired on day 0": ((["chage", "-E", "0", USER],), "no no no no yes"),
    "expired, with a password": ((["usermod", "-p", HASH, USER], ["chage", "-E", "1", USER]), "no no no no yes"),
    "must change the password": ((["chage", "-d", "0", USER],), "no yes yes no yes"),
    "password too old": ((["chage", "-d", "2020-01-01", "-M", "30", USER],), "no yes yes no yes"),
    "password too old, inactive": ((["chage", "-d", "2020-01-01", "-M", "30", "-I", "1", USER],), "no yes no no yes"),
    "nologin": ((["usermod", "-s", "/usr/sbin/nologin", USER],), "no no yes yes yes"),
    "false": ((["usermod", "-s", "/bin/false", USER],), "no no yes yes yes"),
    "a shell that is not there": ((["usermod", "-s", "/bin/nosuchshell", USER],), "no no yes yes yes"),
    "/run/nologin": ((["touch", "/run/nologin"],), "no yes yes yes yes"),
}
COLUMNS = ("sshd with PAM", "sshd without PAM", "sudo", "su", "agent")


class LockStateTest(HostCase):
    def setUp(self):
        super().setUp()
        write("/etc/sudoers.d/visitor", "visitor ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)
        self.addCleanup(remove, "/etc/sudoers.d/visitor")
        self.addCleanup(self.open_account)

    @staticmethod
    def open_account():
        remove("/run/nologin")
        must_run("usermod", "-p", "*", "-s", "/bin/bash", USER)
        must_run("chage", "-d", "2026-01-01", "-E", "-1", "-M", "99999", "-I", "-1", USER)

    def check(self, column, enter):
        got, wanted = {}, {}
        for state, (commands, verdicts) in STATES.items():
            self.open_account()
            for command in commands:
                must_run(*command)
            got[state] = "yes" if enter().status == 0 else "no"
            wanted[state] = verdicts.split()[COLUMNS.index(column)]
        self.assertEqual(got, wanted)

    def test_sshd_with_pam(self):
        self.check("sshd with PAM", lambda: self.node.ssh(USER, "true"))

    def test_sshd_without_pam(self):
        self.node.start_sshd(use_pam="no")
        self.check("sshd without PAM", lambda: self.node.ssh(USER, "true"))

    def test_sudo(self):
        self.check("sudo", lambda: self.node.run_as(USER, "sudo", "-n", "true"))

    def test_su(self):
        self.check("su", lambda: run("su", "-s", "/bin/sh", "-c", "true", USER))

    def test_agent_shell(self):
        self.check("agent", lambda: self.session().shell("true", user=USER))


class ParkedTest(HostCase):
    """The account as it is parked: expired and locked, with a normal shell."""

    def test_every_other_way_is_closed(self):
        ways = {
            "sshd": lambda: self.node.ssh("ssm-user", "true"),
            "sudo": lambda: self.node.run_as("ssm-user", "sudo", "-n", "true"),
            "su": lambda: run("su", "-s", "/bin/sh", "-c", "true", "ssm-user"),
            "su -": lambda: run("su", "-", "ssm-user", "-c", "true"),
            "su by a user": lambda: self.node.run_as("visitor", "su", "-c", "true", "ssm-user"),
        }
        self.assertEqual({way: enter().status == 0 for way, enter in ways.items()}, dict.fromkeys(ways, False))

    def test_root_has_runuser(self):
        """The way that the manual and `init` name to root, whose su is refused; it is nobody else's."""
        self.assert_success(run("runuser", "-u", "ssm-user", "--", "id", "-un"), "ssm-user")
        self.assertNotEqual(self.node.run_as("visitor", "runuser", "-u", "ssm-user", "--", "true").status, 0)

    def test_without_pam_nobody_enters(self):
        self.node.start_sshd(use_pam="no")
        self.assert_refused(self.node.ssh("ssm-user", "true", session=self.session()), "User ssm-user", "not allowed")

    def test_session_enters_in_every_shadow_state(self):
        for password in ("!", "!!", "!*", "*", HASH):
            with self.subTest(password=password):
                must_run("usermod", "-p", password, "ssm-user")
                self.assert_success(self.node.ssh("ssm-user", "true", session=self.session()))
                self.assertNotEqual(self.node.ssh("ssm-user", "true").status, 0)
        must_run("usermod", "-p", "!*", "ssm-user")

    def test_nologin_keeps_it_out(self):
        write("/run/nologin", "The node is going down.\n")
        self.assert_refused(self.node.ssh("ssm-user", "true", session=self.session()), "Access denied for user ssm-user by PAM account")
        self.assertEqual(self.node.audit("login"), [])

    def test_shadow_is_never_written(self):
        before = subprocess.check_output(["sha256sum", "/etc/shadow", "/etc/passwd"])
        self.assert_success(self.node.ssh("ssm-user", "true", session=self.session()))
        self.assertEqual(subprocess.check_output(["sha256sum", "/etc/shadow", "/etc/passwd"]), before)
