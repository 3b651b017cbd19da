"""What sudo gives at each level, to whom a grant gives root, and when it ends: by either clock, and by a restart."""

import os
import re
import shutil
import time

from host_case import HostCase
from managed_node import ALICE, BOB, BOOT_ID, BUILD_DIR, GRANTS, WORK_DIR, must_run, read, remove, run, write

OUTSIDE = "not inside a Session Manager session"
NO_GRANT = "no grant is active for this session"


class LevelTest(HostCase):
    def test_none(self):
        shell = self.shell(self.session())
        self.assert_refused(shell.do("sudo -n id -u"), "sudo-refused", NO_GRANT)

    def test_limited(self):
        self.node.set_level("limited", "/usr/bin/id -u, /usr/bin/env")
        shell = self.shell(self.session())
        self.assert_success(shell.do("sudo -n id -u"), "0")
        self.assert_refused(shell.do("sudo -n id"), "sudo-refused", NO_GRANT)
        self.assert_refused(shell.do("sudo -n /usr/bin/env id"), "COMMAND=/usr/bin/env id")  # NOEXEC
        self.assertNotEqual(shell.do("sudo -n -u visitor id -u").status, 0)
        allowed = self.node.audit("sudo-allowed")[0]
        self.assertEqual((allowed["owner_arn"], allowed["level"]), (ALICE, "limited"))

    def test_others_at_limited(self):
        """The list has a PAM service of its own, whoever runs a command of it."""
        self.node.set_level("limited")
        self.assert_success(self.node.run_as("administrator", "sudo", "-n", "id", "-u"), "0")
        self.assert_refused(self.node.run_as("visitor", "sudo", "-n", "id", "-u"))

    def test_root(self):
        self.node.set_level("root")
        shell = self.shell(self.session())
        self.assert_success(shell.do("sudo -n id -u"), "0")
        self.assert_success(shell.do("sudo -n -u visitor id -un"), "visitor")
        self.assertNotEqual(shell.do("sudo -n LD_LIBRARY_PATH=/tmp id").status, 0)

    def test_allow_owner(self):
        self.node.set_policy("[Session]\nAllowOwner=%s\n" % ALICE)
        self.assert_success(self.node.ssh("ssm-user", "true", session=self.session(ALICE)))
        self.assert_refused(self.node.ssh("ssm-user", "true", session=self.session(BOB)), "login-refused", "not one of AllowOwner", BOB)


class GrantTest(HostCase):
    def sudo(self, shell, command="id -u"):
        self.since = len(self.node.syslog.lines)
        return shell.do("sudo -n " + command)

    def test_session_beside_a_granted_one(self):
        """Level limited: B runs its list and nothing more, while A has root."""
        granted, other = self.shell(self.session(ALICE)), self.shell(self.session(BOB))
        self.node.set_level("limited", "/usr/bin/id -u, /usr/bin/env")
        grant = self.node.grant(session_id=granted.session.id)
        self.assert_success(self.sudo(granted, "cat /etc/shadow"))
        self.assert_success(self.sudo(granted))
        self.assert_success(self.sudo(other), "0")
        for command in ("cat /etc/shadow", "id", "-i", "-s", "-v"):
            with self.subTest(command=command):
                self.assert_refused(self.sudo(other, command), "sudo-refused", other.session.id, BOB, NO_GRANT)
        for command in ("-u visitor id -u", "-u administrator env id", "-g adm id -u"):  # the rule that gives A root is not for the list
            with self.subTest(command=command):
                self.assert_refused(self.sudo(other, command), "command not allowed")
        self.assert_refused(self.sudo(other, "env id"), "COMMAND=/usr/bin/env id")  # nor does it take NOEXEC from it
        (entry,) = {(entry["session_id"], entry["grant_id"]) for entry in self.node.audit("sudo-allowed") if "grant_id" in entry}
        self.assertEqual(entry, (granted.session.id, os.path.basename(grant)))

    def test_grant_of_a_principal(self):
        self.node.grant(owner=BOB)
        self.assert_refused(self.sudo(self.shell(self.session(ALICE))), "sudo-refused", NO_GRANT)
        for _ in range(2):
            self.assert_success(self.sudo(self.shell(self.session(BOB))), "0")
        self.assert_refused(self.node.run_as("ssm-user", "sudo", "-n", "id"), "sudo-refused", OUTSIDE)

    def test_grants_that_do_not_count(self):
        """The rule in sudoers stands, and the grant is none: the module refuses."""
        shell = self.shell(self.session())
        lines = {
            "another id": ("ID", "f" * 16), "wall clock": ("NOT_AFTER", int(time.time())), "boot clock": ("BOOT_DEADLINE", 1),
            "another boot": ("BOOT_ID", "0" * 36), "another session": ("SESSION_ID", "alice-2"), "another owner": ("OWNER", BOB),
            "no number": ("NOT_AFTER", "tomorrow")}

        def change(path, key, value):
            write(path, re.sub('(?m)^%s=.*$' % key, '%s="%s"' % (key, value), read(path)), 0o600)

        def link(path):
            shutil.move(path, WORK_DIR + "/grant")
            os.symlink(WORK_DIR + "/grant", path)

        damages = {
            "none at all": os.remove, "mode": lambda path: os.chmod(path, 0o666), "owner": lambda path: os.chown(path, 1, 1), "link": link,
            "folder": lambda path: os.chmod(GRANTS, 0o777), "another name": lambda path: os.rename(path, GRANTS + "/ffffffffffffffff"),
            "cut": lambda path: os.truncate(path, 40), **{name: lambda path, line=line: change(path, *line) for name, line in lines.items()}}
        for damage, inflict in damages.items():
            with self.subTest(damage=damage):
                remove(GRANTS)
                path = self.node.grant()
                self.assert_success(self.sudo(shell), "0")
                inflict(path)
                self.assertIn("NOTAFTER", read("/etc/sudoers.d/zzz-ssm-bridge"))
                self.assert_refused(self.sudo(shell), "sudo-refused")

    def test_expires_to_the_second(self):
        shell = self.shell(self.session())
        end = int(re.search('NOT_AFTER="(\\d+)"', read(self.node.grant(seconds=3))).group(1))
        loop = "while t=$(date +%s%N); sudo -n true 2>/dev/null; do echo $t; done; date +%s%N"
        begun = [int(line) / 1e9 for line in shell.do(loop).output.split()]
        self.assertGreater(len(begun), 1, begun)
        self.assertLess(begun[-2], end)
        self.assert_refused(self.sudo(shell))

    def test_clock_put_back(self):
        """sudo believes the wall clock, the module one that nobody can set."""
        library = "/usr/lib/clock_step.so"
        shutil.copy(os.path.join(BUILD_DIR, "bin", "clock_step.so"), library)
        step = WORK_DIR + "/clock_step"
        self.addCleanup(remove, library, step)
        write("/etc/ld.so.preload", library + "\n")
        self.addCleanup(remove, "/etc/ld.so.preload")
        shell = self.shell(self.session())
        self.node.grant(seconds=4)
        self.assert_success(self.sudo(shell), "0")
        rule = ["sudo", "-n", "-l", "-U", "ssm-user", "/usr/bin/true"]
        self.node.wait_until("the end of the grant", lambda: run(*rule).status != 0)
        self.assert_refused(self.sudo(shell))
        write(step, "-3600")
        self.assert_success(run(*rule))
        self.assert_refused(self.sudo(shell), "sudo-refused", NO_GRANT)
        remove(step)
        self.node.grant()
        self.assert_success(self.sudo(shell), "0")
        write(step, "3600")
        self.assertNotEqual(self.sudo(shell).status, 0)

    def test_restart(self):
        """Another boot_id, and a fresh /run: neither a login of before nor a grant of before counts."""
        shell = self.shell(self.session())
        self.node.grant()
        self.assert_success(self.sudo(shell), "0")
        write(WORK_DIR + "/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n")
        must_run("mount", "--bind", WORK_DIR + "/boot_id", BOOT_ID)
        self.addCleanup(must_run, "umount", BOOT_ID)
        self.assert_refused(self.sudo(shell), "sudo-refused", OUTSIDE)
        remove("/run/ssm-bridge")
        later = self.shell(self.session())
        self.assert_refused(self.sudo(later), "sudo-refused", later.session.id, NO_GRANT)
        self.node.grant()
        self.assert_success(self.sudo(later), "0")
        self.assert_refused(self.sudo(shell), "sudo-refused", OUTSIDE)
