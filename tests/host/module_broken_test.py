"""Our PAM line must never endanger anybody else's login or sudo, whatever has become of the module or its files; and then
ssm-user is refused by what is left, the expired account."""

import os
import shutil
import subprocess

from host_case import HostCase
from managed_node import remove, run, write


def cut(path):
    """Shorter than its headers. What is cut behind them is beyond everybody's help: the dynamic linker maps what the headers
    promise, and sshd dies of SIGBUS, as with any other module. Therefore modules are replaced by rename only."""
    with open(path, "r+b") as file:
        file.truncate(100)


def build_without_symbols(path):
    """A module that loads, and has nothing of PAM's."""
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, "-x", "c", "-"], input=b"int nothing_of_pam;\n", check=True)


# What becomes of the module's file.
DAMAGES = {
    "missing": os.remove,
    "not ELF": lambda path: write(path, "this is no module\n"),
    "empty": lambda path: write(path, ""),
    "cut": cut,
    "without symbols": build_without_symbols,
    "a dangling link": lambda path: (os.remove(path), os.symlink("/nowhere/pam_ssm.so", path)),
    "a directory": lambda path: (os.remove(path), os.mkdir(path)),
}

# What becomes of its files: the module is there, and refuses its own user.
FILES = {
    "unknown value": lambda: write("/etc/ssm-bridge/host.conf", "[Privilege]\nLevel=everything\n"),
    "no INI": lambda: write("/etc/ssm-bridge/host.conf", b"\0\xff\xfe no = [ini\n"),
    "writable": lambda: write("/etc/ssm-bridge/host.conf", "", 0o666),
    "writable folder": lambda: os.chmod("/etc/ssm-bridge", 0o777),
    "somebody's": lambda: os.chown("/etc/ssm-bridge/host.conf", 1, 1),
    "a link": lambda: (os.remove("/etc/ssm-bridge/host.conf"), os.symlink("/etc/hosts", "/etc/ssm-bridge/host.conf")),
    "a folder": lambda: (os.remove("/etc/ssm-bridge/host.conf"), os.mkdir("/etc/ssm-bridge/host.conf")),
    "a pipe": lambda: (os.remove("/etc/ssm-bridge/host.conf"), os.mkfifo("/etc/ssm-bridge/host.conf")),
    "bad drop-in": lambda: write("/etc/ssm-bridge/host.conf.d/10.conf", "[Session]\nRequireSsm=perhaps\n"),
}
WORDS = {"writable folder": "/etc/ssm-bridge/ may be written by others", "bad drop-in": "10.conf:2"}


class ModuleBrokenTest(HostCase):
    def setUp(self):
        super().setUp()
        kept = self.node.module + ".kept"
        shutil.copy(self.node.module, kept)
        self.addCleanup(self.restore, kept)

    def restore(self, kept):
        remove(self.node.module)
        os.rename(kept, self.node.module)
        os.chmod("/etc/ssm-bridge", 0o755)

    def assert_others_are_fine(self):
        self.assert_success(self.node.ssh("administrator", "id -un; sudo -n id -u"), "administrator\n0")
        self.assert_success(run("su", "-c", "sudo -n id -u", "administrator"), "0")

    def assert_ssm_user_is_refused(self):
        self.assertNotEqual(self.node.ssh("ssm-user", "true", session=self.session()).status, 0)
        self.assertNotEqual(self.session().shell("sudo -n true").status, 0)

    def test_module_works(self):
        self.assert_others_are_fine()
        self.node.set_level("root")
        self.assert_success(self.node.ssh("ssm-user", "sudo id -u", session=self.session()), "0")
        self.assert_success(self.session().shell("sudo id -u"), "0")

    def test_module_damaged(self):
        self.node.set_level("root")
        for damage, inflict in DAMAGES.items():
            with self.subTest(damage=damage):
                remove(self.node.module)
                shutil.copy(self.node.module + ".kept", self.node.module)
                inflict(self.node.module)
                self.assert_others_are_fine()
                self.assert_ssm_user_is_refused()
        self.assert_logged("account ssm-user has expired")

    def test_files_damaged(self):
        self.node.set_level("root")
        for damage, inflict in FILES.items():
            with self.subTest(damage=damage):
                remove("/etc/ssm-bridge")
                self.node.set_policy("[Privilege]\nLevel=root\n")
                os.chmod("/etc/ssm-bridge", 0o755)
                inflict()
                self.assert_others_are_fine()
                self.since = len(self.node.syslog.lines)
                self.assert_ssm_user_is_refused()
                self.assert_logged("pam_ssm", "login-refused", WORDS.get(damage, "host.conf"))

    def test_unknown_argument(self):
        """A typing error in our line: ours alone is refused."""
        text = self.node.gated(self.node.sshd_pam).replace("default=die] pam_ssm.so\n", "default=die] pam_ssm.so requires=connection\n")
        write("/etc/pam.d/sshd", text)
        self.assert_refused(self.node.ssh("ssm-user", "true", session=self.session()), "unknown argument requires=connection")
        self.assert_success(self.node.ssh("visitor", "echo in"), "in")
