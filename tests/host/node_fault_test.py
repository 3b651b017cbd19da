"""Many at once, processes that are killed, locks that are held, disks that are full: nobody gains anything, and nobody else is
kept out."""

import ctypes
import os
import signal
import subprocess

from host_case import HostCase
from managed_node import AUDIT, RECORDS, must_run, read, run

LOGINS = 20


class NodeFaultTest(HostCase):
    def fill(self, path):
        """A file system of its own without a free byte."""
        must_run("mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", path)
        self.addCleanup(must_run, "umount", "-l", path)
        with open(path + "/rest", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def test_parallel_logins(self):
        """Each login has its own session, whoever else comes in at the same moment."""
        sessions = [self.session("arn:aws:iam::123456789012:user/person-%d" % i) for i in range(LOGINS)]
        self.node.set_level("root")
        processes = []
        for session in sessions:
            processes.append(subprocess.Popen(
                self.node.ssh_command("ssm-user", "echo $SSM_SESSION_ID $(sudo -n id -u); read end", session=session), cwd="/",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        said = [process.stdout.readline().decode().strip() for process in processes]
        records = self.node.records()
        for process in processes:
            process.communicate(b"end\n", timeout=60)
        self.assertEqual(said, [session.id + " 0" for session in sessions])
        self.assertEqual(len(records), LOGINS)
        self.node.wait_until("all records gone", lambda: self.node.records() == [])
        self.assertEqual({(entry["session_id"], entry["owner_arn"]) for entry in self.node.audit("login")},
                         {(session.id, session.owner) for session in sessions})

    def test_monitor_killed(self):
        """What survives sshd's monitor has no session any more; its record stays, and is nobody's."""
        self.node.set_level("root")
        shell = self.shell(self.session())
        self.assert_success(shell.do("sudo -n id -u"), "0")
        (record,) = self.node.records()
        os.kill(int(record.partition("-")[0]), signal.SIGKILL)
        self.node.wait_until("the monitor is gone", lambda: shell.do("ps -o ppid= -p $PPID").output.strip() == "1")
        self.assert_refused(shell.do("sudo -n id -u"), "sudo-refused", "not inside a Session Manager session")
        self.assertEqual(self.node.records(), [record])
        self.assert_success(self.shell(self.session()).do("sudo -n id -u"), "0")

    def test_sudo_killed(self):
        self.node.set_level("root")
        shell = self.shell(self.session())
        self.assert_success(shell.do("sudo -n sleep 1000 >/dev/null 2>&1 &"))
        (command,) = self.wait_for_processes("sleep")
        self.addCleanup(os.kill, command, signal.SIGKILL)
        (record,) = self.node.records()
        for pid in self.wait_for_processes("sudo"):
            os.kill(pid, signal.SIGKILL)
        self.node.wait_until("sudo is gone", lambda: run("pgrep", "-x", "sudo").status != 0)
        self.assert_success(shell.do("sudo -n true"))
        self.assertEqual(self.node.records(), [record])

    def wait_for_processes(self, name):
        self.node.wait_until(name, lambda: run("pgrep", "-x", name).status == 0)
        return [int(pid) for pid in run("pgrep", "-x", name).output.split()]

    def test_shadow_is_locked(self):
        """Somebody holds the lock of /etc/shadow, and a stale /etc/passwd.lock lies about: logins do not touch either."""
        library = ctypes.CDLL(None)
        with open("/etc/passwd.lock", "w", encoding="ascii") as file:
            file.write("1")
        self.addCleanup(os.remove, "/etc/passwd.lock")
        self.assertEqual(library.lckpwdf(), 0)
        try:
            self.node.set_level("root")
            self.assert_success(self.node.ssh("ssm-user", "sudo -n id -u", session=self.session(), timeout=14), "0")
        finally:
            library.ulckpwdf()

    def test_run_is_full(self):
        """Without a record there is a login, and no sudo in it."""
        self.node.set_level("root")
        os.makedirs(RECORDS, 0o700)
        self.fill(RECORDS)
        self.assert_refused(self.node.ssh("ssm-user", "sudo -n id -u", session=self.session()), "sudo-refused", "not inside")
        self.assert_logged("no record of this login, sudo will be refused in it")
        self.assertEqual(self.node.records(), ["rest"])
        self.assert_success(self.node.ssh("administrator", "sudo -n id -u"), "0")

    def test_audit_log_is_full(self):
        self.fill(os.path.dirname(AUDIT))
        self.assert_success(self.node.ssh("ssm-user", "id -un", session=self.session()), "ssm-user")
        self.assert_logged("audit.jsonl: the event could not be written: No space left on device")
        self.node.set_policy("[Audit]\nAudit=required\n")
        self.assert_refused(self.node.ssh("ssm-user", "id", session=self.session()), "Access denied")
        self.assert_success(self.node.ssh("administrator", "sudo -n id -u"), "0")

    def test_audit_log_is_a_link(self):
        os.symlink("/etc/motd", AUDIT)
        before = read("/etc/motd")
        self.assert_success(self.node.ssh("ssm-user", "id -un", session=self.session()), "ssm-user")
        self.assert_logged("audit.jsonl: the event could not be written: others could have written it, or it is a link")
        self.assertEqual(read("/etc/motd"), before)

    def test_record_folder_is_not_ours(self):
        """Somebody was here first: nothing is written into what others may change."""
        self.node.set_level("root")
        for path, mode in (("/run/ssm-bridge", 0o777), (RECORDS, 0o777)):
            with self.subTest(path=path):
                run("rm", "-rf", "/run/ssm-bridge")
                os.makedirs(path)
                os.chmod(path, mode)
                result = self.node.ssh("ssm-user", "sudo -n id -u", session=self.session())
                self.assert_refused(result, "no record of this login")
                self.assertEqual([name for _, _, names in os.walk("/run/ssm-bridge") for name in names], [])
