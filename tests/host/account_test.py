"""The account's life, with real useradd, usermod, chage and userdel."""

import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import unittest

import sandbox

sandbox.enter()

from managed_node import SUDOERS, read, remove, run, write  # noqa: E402 (inside the sandbox only)

PROGRAM = os.path.join(os.environ["SSM_BIN_DIR"], "ssm-userctl")
AGENT_FILE = "/etc/sudoers.d/ssm-agent-users"
AGENT_RULE = "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\n"
STATE = "/var/lib/ssm-bridge"
OWNED = STATE + "/owned"
HOME = "/home/ssm-user"
REFUSED, DRIFT = 4, 3
BOOT_ID = read("/proc/sys/kernel/random/boot_id").strip()

for user in ("ssm-user", "carol"):
    run("userdel", user)
remove("/usr/sbin/sshd", "/etc/pam.d/sshd")  # a node without sshd: this is about the account
DATABASES = {path: read(path) for path in ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")}


def shadow(field):
    """password, last change, minimum, maximum, warning, inactive, expiry"""
    return run("getent", "shadow", "ssm-user").output.strip().split(":")[field]


def exists():
    return run("getent", "passwd", "ssm-user").status == 0


def uid():
    return pwd.getpwnam("ssm-user").pw_uid


def key_values(**entries):
    return "".join('%s="%s"\n' % entry for entry in entries.items())


def agent_session():
    """What the agent does before a shell session: CreateLocalAdminUser (agent/session/utility/utility_unix.go)."""
    if run("sh", "-c", "id ssm-user").status == 0:
        return True
    if run("sh", "-c", "useradd -m ssm-user").status != 0:
        return False
    if not os.path.exists(AGENT_FILE):
        write(AGENT_FILE, AGENT_RULE, 0o640)
    os.chmod(AGENT_FILE, 0o440)
    return True


def is_root():
    return shutil.which("sudo") is not None and run("sudo", "-n", "-l", "-U", "ssm-user", "/usr/sbin/visudo").status == 0


class AccountTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        write("/etc/sudoers", SUDOERS, 0o440)
        for path, content in DATABASES.items():
            write(path, content, 0o640 if "shadow" in path else 0o644)
        remove("/etc/sudoers.d/*", "/etc/sudoers.d/.tmp*", "/etc/ssm-bridge", STATE, "/run/ssm-bridge", "/home/ssm-user*", "/home/carol",
               "/etc/*.lock", "/var/spool/cron/crontabs/*", "/var/log/ssm-bridge")

    def userctl(self, *arguments, status=0):
        result = run(PROGRAM, *arguments)
        self.assertEqual(result.status, status, str(result))
        return result

    def assert_refused(self, *arguments, words, status=REFUSED):
        result = self.userctl(*arguments, status=status)
        self.assertIn(words, result.errors)
        return result

    def assert_parked(self):
        line = run("getent", "shadow", "ssm-user").output
        self.assertEqual((shadow(1)[0], shadow(3), shadow(4), shadow(5), shadow(6), shadow(7)), ("!", "0", "", "", "", "1"), line)
        self.assertNotEqual(shadow(2), "0", line)
        self.assertFalse(is_root())
        self.assertEqual(json.loads(self.userctl("plan", "--json").output), {"is_as_wanted": True, "differences": []})

    def assert_no_account(self):
        self.assertFalse(exists())
        self.assertNotEqual(run("getent", "group", "ssm-user").status, 0)

    def policy(self, **settings):
        write("/etc/ssm-bridge/host.conf", "[Account]\n" + "".join("%s=%s\n" % pair for pair in settings.items()))

    # ---- refused ----

    def test_not_governed_is_refused(self):
        for verb in (["apply"], ["apply", "--repair"], ["plan"], ["park"], ["unpark", "--for", "5m"]):
            self.assert_refused(*verb, words="ssm-userctl init")
        self.assert_refused("remove", "--yes", words="userdel")
        self.assertFalse(os.path.exists(STATE))

    def test_others_than_root_are_refused(self):
        for verb in (["status"], ["init"], ["apply", "--dry-run"], ["park"], ["remove", "--yes"], ["uninstall"]):
            result = run("setpriv", "--reuid", "65534", "--clear-groups", PROGRAM, *verb)
            self.assertEqual((result.status, result.output), (REFUSED, ""), str(result))
            self.assertIn("for root", result.errors)

    def test_foreign_account_until_adopt(self):
        self.assertTrue(agent_session())
        before = (read("/etc/passwd"), read("/etc/shadow"), read("/etc/group"), read(AGENT_FILE))
        self.assert_refused("init", words="ssm-userctl adopt")
        self.assertIn("adopt", self.userctl("status", status=DRIFT).output)
        self.userctl("adopt", "--dry-run")
        self.assertEqual((read("/etc/passwd"), read("/etc/shadow"), read("/etc/group"), read(AGENT_FILE)), before)
        self.assertTrue(is_root())
        own_uid = uid()
        self.userctl("adopt")
        self.assert_parked()
        self.assertEqual((uid(), pwd.getpwnam("ssm-user").pw_shell), (own_uid, "/bin/bash"))
        self.assert_refused("remove", "--yes", words="was there before")
        self.userctl("uninstall", "--restore")
        self.assertEqual((read(AGENT_FILE), shadow(7)), (AGENT_RULE, ""))
        self.assertTrue(is_root())
        self.assertEqual(os.listdir(STATE), [])

    def test_adopting_an_admin_is_refused(self):
        run("useradd", "-m", "-G", "sudo", "ssm-user")
        self.assert_refused("adopt", words="as good as root")
        run("usermod", "-G", "", "ssm-user")
        run("usermod", "-o", "-u", "0", "ssm-user")
        self.assert_refused("adopt", words="is root")
        self.assertFalse(os.path.exists(OWNED))

    def test_account_of_the_system_is_refused(self):
        run("useradd", "-r", "ssm-user")
        self.assert_refused("adopt", words="UID_MIN")
        run("userdel", "ssm-user")
        self.policy(Uid=500)
        self.assert_refused("init", words="UID_MIN")
        self.assert_no_account()

    def test_adopt_without_an_account_is_refused(self):
        self.assert_refused("adopt", words="ssm-userctl init")

    def test_forbidden_group_is_refused(self):
        self.policy(Groups="audio docker")
        self.assert_refused("init", words="as good as root", status=1)
        self.policy(Groups="audio no-such-group")
        self.assert_refused("init", words="groupadd no-such-group")
        self.assert_no_account()

    def test_uid_of_another_account_is_refused(self):
        run("useradd", "-u", "1234", "carol")
        self.policy(Uid=1234)
        self.assert_refused("init", words="belongs to carol")
        self.assert_no_account()
        run("userdel", "carol")
        self.userctl("init")
        run("useradd", "-o", "-u", "1234", "carol")
        self.assert_refused("apply", words="belongs to carol")
        self.assertIn("belongs to carol", self.userctl("status", status=DRIFT).output)

    def test_uid_of_running_processes_is_refused(self):
        self.policy(Uid=1234)
        sleeper = subprocess.Popen(["setpriv", "--reuid", "1234", "--clear-groups", "sleep", "600"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        while run("ps", "-u", "1234", "-o", "comm=").output.strip() != "sleep":
            pass
        self.assert_refused("init", words="ps -u 1234")
        self.assert_no_account()

    def test_home_of_another_uid_is_refused(self):
        os.mkdir(HOME)
        os.chown(HOME, 1777, 1777)
        self.assert_refused("init", words="ls -ld")
        os.rmdir(HOME)
        os.symlink("/etc", HOME)
        self.assert_refused("init", words="ls -ld")
        self.assert_no_account()
        self.assertEqual(os.stat("/etc").st_uid, 0)

    def test_group_in_use_is_refused(self):
        run("groupadd", "ssm-user")
        run("useradd", "-G", "ssm-user", "carol")
        self.assert_refused("init", words="getent group ssm-user")
        self.assertFalse(exists())

    def test_missing_shell_is_refused(self):
        self.policy(Shell="/bin/no-such-shell")
        self.assert_refused("init", words="Shell=")
        self.assert_no_account()

    def test_record_that_makes_no_sense_is_an_error(self):
        self.userctl("init")
        write(OWNED, 'USER="ssm-user"\nUID="0"\n', 0o600)
        self.assert_refused("apply", words="makes no sense", status=1)
        os.chmod(OWNED, 0o666)
        self.assert_refused("apply", words="may be written", status=REFUSED)

    # ---- init, and again ----

    def test_init_is_idempotent(self):
        self.assertTrue(self.userctl("init", "--dry-run").output)
        self.assert_no_account()
        self.assertFalse(os.path.exists(STATE))
        self.userctl("init")
        self.assert_parked()
        self.assertEqual(os.stat(HOME).st_uid, uid())
        files = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", AGENT_FILE, OWNED)
        before = [(os.stat(path).st_ino, os.stat(path).st_mtime_ns) for path in files]
        self.userctl("init")
        self.userctl("apply")
        self.assertEqual(self.userctl("apply", "--repair").output, "")
        self.assertEqual([(os.stat(path).st_ino, os.stat(path).st_mtime_ns) for path in files], before)

    def test_policy_is_followed(self):
        self.policy(Name="bridge", Uid=2345, Groups="audio video", Shell="/bin/sh", Home="/home/ssm-user-2")
        self.userctl("init")
        account = pwd.getpwnam("bridge")
        self.assertEqual((account.pw_uid, account.pw_shell, account.pw_dir), (2345, "/bin/sh", "/home/ssm-user-2"))
        self.assertEqual(set(run("id", "-Gn", "bridge").output.split()), {"bridge", "audio", "video"})
        self.policy(Name="bridge", Uid=2345, Groups="video", Shell="/bin/bash", Home="/home/ssm-user-2")
        self.userctl("apply")
        self.assertEqual(set(run("id", "-Gn", "bridge").output.split()), {"bridge", "video"})
        self.policy(Name="bridge", Uid=2346)
        self.assert_refused("apply", words="2346")
        before = read("/etc/sudoers.d/zzz-ssm-bridge")
        self.policy(Name="other")
        self.assert_refused("apply", words="uninstall")
        self.assertEqual(read("/etc/sudoers.d/zzz-ssm-bridge"), before)

    def test_home_that_is_not_there_is_made(self):
        os.mkdir(HOME)  # what a killed run has left
        self.userctl("init")
        self.assert_parked()
        for path in (HOME, HOME, "/home/ssm-user-2"):
            self.policy(Home=path)
            remove(path)
            self.userctl("plan", status=DRIFT)
            self.userctl("apply")
            self.assert_parked()
            status = os.stat(path)
            self.assertEqual((status.st_uid, oct(status.st_mode & 0o7777), pwd.getpwnam("ssm-user").pw_dir), (uid(), "0o700", path))
        remove(HOME)
        os.symlink("/etc", HOME)
        self.policy(Home=HOME)
        self.assert_refused("apply", words="ls -ld")
        self.assertEqual(os.stat("/etc").st_uid, 0)

    def test_every_drift_is_mended(self):
        self.userctl("init")
        drifts = (["chage", "-E", "-1"], ["chage", "-d", "0"], ["chage", "-M", "1"], ["chage", "-I", "1"], ["usermod", "-p", "x"],
                  ["usermod", "-p", ""], ["usermod", "-p", "*"], ["usermod", "-s", "/bin/false"], ["usermod", "-d", "/"],
                  ["usermod", "-aG", "sudo"], ["usermod", "-g", "users"], ["usermod", "-u", "1999"])
        for command in drifts:
            with self.subTest(command=command):
                self.assertEqual(run(*command, "ssm-user").status, 0)
                plan = json.loads(self.userctl("plan", "--json", status=DRIFT).output)
                self.assertEqual(len(plan["differences"]), 1, plan)
                self.assertEqual(len(re.findall(r"\bdrift\b", self.userctl("status", status=DRIFT).output)), 1)
                self.userctl("apply", "--repair")
                self.assert_parked()

    # ---- the agent ----

    def test_agent_states(self):
        """What the agent makes of each state (its own function, called), then we follow."""

        def nothing():
            pass

        def account_only():
            run("useradd", "-M", "-s", "/usr/sbin/nologin", "ssm-user")

        def comment_only():
            write(AGENT_FILE, "# nothing\n", 0o600)

        def leftover_group():
            run("groupadd", "ssm-user")

        def leftover_home():
            os.mkdir(HOME)
            os.chown(HOME, 1777, 1777)

        def dangling_link():
            os.symlink("/etc/sudoers.d/elsewhere", AGENT_FILE)

        def link_to_a_file():
            write("/etc/sudoers.d/target.txt", "text\n", 0o600)
            os.symlink("/etc/sudoers.d/target.txt", AGENT_FILE)

        def expired():
            account_only()
            run("chage", "-E", "1", "ssm-user")

        # before the agent's session; does it start; is it root then
        states = ((nothing, True, True), (account_only, True, False), (comment_only, True, False), (leftover_group, False, False),
                  (leftover_home, True, True), (dangling_link, True, True), (link_to_a_file, True, False), (expired, True, False))
        for make, starts, is_root_then in states:
            with self.subTest(state=make.__name__):
                self.setUp()
                make()
                self.assertEqual(agent_session(), starts)
                self.assertEqual(is_root(), is_root_then)
                if make is leftover_home:
                    self.assert_refused("adopt", words="ls -ld")
                    os.rename(HOME, HOME + ".old")
                self.userctl("adopt" if exists() else "init")
                self.assert_parked()
                self.assertTrue(os.path.isfile(AGENT_FILE) and not os.path.islink(AGENT_FILE))
                self.assertEqual(oct(os.stat(AGENT_FILE).st_mode & 0o7777), "0o440")
                self.assertEqual(run("visudo", "-cq").status, 0)
                stub = read(AGENT_FILE)
                self.assertTrue(agent_session())
                self.assertEqual(read(AGENT_FILE), stub)
                self.assert_parked()

    def test_agent_creates_the_account_again(self):
        self.userctl("init")
        own_uid = uid()
        write(HOME + "/kept", "by its user\n")
        os.chown(HOME + "/kept", own_uid, own_uid)
        run("userdel", "ssm-user")
        run("useradd", "-m", "carol")  # who gets its user id
        self.assertEqual(pwd.getpwnam("carol").pw_uid, own_uid)
        self.assertTrue(agent_session())
        self.assertFalse(is_root())
        self.assert_refused("apply", "--repair", words="belongs to carol")
        self.assertEqual(shadow(7), "1")
        self.assertEqual(os.stat(HOME).st_uid, own_uid)
        run("usermod", "-u", "1900", "carol")
        self.userctl("apply", "--repair")
        self.assert_parked()
        self.assertEqual((uid(), os.stat(HOME + "/kept").st_uid), (own_uid, own_uid))

    def test_agent_creates_the_account_again_after_remove(self):
        self.userctl("init")
        own_uid = uid()
        self.userctl("remove", "--yes")
        self.userctl("apply", "--repair")
        self.assert_no_account()
        run("useradd", "carol")
        run("userdel", "carol")
        self.assertTrue(agent_session())
        self.assertFalse(is_root())
        self.userctl("apply", "--repair")
        self.assert_parked()
        self.assertEqual(uid(), own_uid)

    def test_agent_creates_the_account_again_and_uses_it(self):
        """usermod -u waits for no shell: the account is closed now, and gets its user id when the shell has ended."""
        self.userctl("init")
        own_uid = uid()
        run("userdel", "-r", "ssm-user")
        run("useradd", "carol")
        self.assertTrue(agent_session())
        run("userdel", "carol")
        shell = subprocess.Popen(["setpriv", "--reuid", "ssm-user", "--clear-groups", "sleep", "600"])
        while run("ps", "-u", "ssm-user", "-o", "comm=").output.strip() != "sleep":
            pass
        self.assert_refused("apply", "--repair", words="usermod -u %d" % own_uid, status=1)
        self.assertEqual((shadow(7), is_root()), ("1", False))
        shell.kill()
        shell.wait()
        self.userctl("apply", "--repair")
        self.assert_parked()
        self.assertEqual((uid(), os.stat(HOME).st_uid), (own_uid, own_uid))

    def test_agent_rule_that_comes_back_is_taken_out(self):
        write(AGENT_FILE, AGENT_RULE, 0o440)
        self.userctl("init")
        self.assertFalse(is_root())
        for again in (AGENT_RULE + "# newer\n", ""):
            write(AGENT_FILE, again, 0o440)
            self.userctl("plan", status=DRIFT)
            self.userctl("apply", "--repair")
            self.assert_parked()
        os.chmod(AGENT_FILE, 0o666)
        self.userctl("apply", "--repair")
        self.assert_parked()
        self.assertEqual(oct(os.stat(AGENT_FILE).st_mode & 0o7777), "0o440")
        self.userctl("uninstall")
        self.assertNotEqual(read(AGENT_FILE), AGENT_RULE)
        self.userctl("uninstall", "--restore")
        self.assertEqual(read(AGENT_FILE), AGENT_RULE)

    def test_node_without_sudo(self):
        sudo = shutil.which("sudo")
        os.rename(sudo, sudo + ".none")
        self.addCleanup(os.rename, sudo + ".none", sudo)
        remove("/etc/sudoers.d")
        self.addCleanup(os.mkdir, "/etc/sudoers.d", 0o755)
        self.userctl("init")
        self.assert_parked()
        self.assertFalse(os.path.exists("/etc/sudoers.d"))
        self.userctl("uninstall", "--restore")

    # ---- when something is in the way ----

    def kill_at_every(self, call):
        """SIGKILL to init, or to the program that it runs, at the n-th such system call of any of them; then apply --repair."""
        for when in range(1, 100):
            with self.subTest(when=when):
                self.setUp()
                trace = run("strace", "-f", "-qq", "-o", "/run/trace", "-e", "trace=" + call, "-e",
                            "inject=%s:signal=KILL:when=%d" % (call, when), PROGRAM, "init")
                if trace.status == 0:
                    self.assertGreater(when, 1)
                    return
                if os.path.exists(OWNED):
                    self.userctl("apply", "--repair")
                else:
                    self.userctl("init")
                self.assert_parked()
                self.assertEqual([name for name in os.listdir("/etc/sudoers.d") + os.listdir(STATE) if "tmp" in name], [])
        self.fail("it never got through")

    def test_killed_while_a_program_runs(self):
        self.kill_at_every("pidfd_open")

    def test_killed_after_every_program(self):
        self.kill_at_every("wait4")

    def test_killed_at_every_rename(self):
        self.kill_at_every("renameat")

    def test_killed_at_every_sync(self):
        self.kill_at_every("fsync")

    def test_killed_at_every_mkdir(self):
        self.kill_at_every("mkdir")

    def test_locked_databases(self):
        self.userctl("init")
        run("chage", "-E", "-1", "ssm-user")
        write("/etc/passwd.lock", "%d\0" % os.getpid(), 0o600)  # somebody who lives holds it
        self.assert_refused("apply", "--repair", words="cannot lock", status=1)
        self.assertEqual(shadow(7), "")
        write("/etc/passwd.lock", "999999\0", 0o600)  # its holder is gone
        self.userctl("apply", "--repair")
        self.assert_parked()

    def test_full_disk(self):
        os.makedirs(STATE)
        self.addCleanup(run, "umount", STATE)
        run("mount", "-t", "tmpfs", "-o", "size=4k,mode=0700", "tmpfs", STATE)
        write(STATE + "/filler", "x" * 4096)
        self.assert_refused("init", words="No space left", status=1)
        self.assert_no_account()
        self.assertFalse(os.path.exists(AGENT_FILE))
        os.remove(STATE + "/filler")
        self.userctl("init")
        self.assert_parked()

    def test_full_disk_below_etc(self):
        """useradd has no room for its new file: the databases stay, and so does what closes the account."""
        run("mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs", "/mnt")
        self.addCleanup(run, "umount", "/mnt")
        run("cp", "-a", "/etc/.", "/mnt")
        run("mount", "--bind", "/mnt", "/etc")
        self.addCleanup(run, "umount", "/etc")
        self.userctl("init")
        run("chage", "-E", "-1", "ssm-user")
        before = [read(path) for path in DATABASES]
        with open("/etc/filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        result = self.userctl("apply", "--repair", status=1)
        self.assertIn("chage", result.errors)
        self.assertEqual([read(path) for path in DATABASES], before)
        os.remove("/etc/filler")
        self.userctl("apply", "--repair")
        self.assert_parked()

    def test_ended_logins_and_grants_are_swept(self):
        self.userctl("init")
        own = "%d-%s" % (os.getpid(), read("/proc/self/stat").rsplit(")", 1)[1].split()[19])
        for name in (own, "%d-1" % os.getpid(), "4194303-1"):
            pid, start = name.split("-")
            write("/run/ssm-bridge/sessions/" + name, key_values(
                PID=pid, START=start, OPENED=1, BOOT_ID=BOOT_ID, USER="ssm-user", SESSION_ID="a-1", WORKER_PID=1, WORKER_START=1, WORKER_START_MS=1), 0o600)
        for name, not_after, boot_deadline, boot_id in (("1" * 16, 10**10, 10**9, BOOT_ID), ("2" * 16, 1, 10**9, BOOT_ID),
                                                        ("3" * 16, 10**10, 1, BOOT_ID), ("4" * 16, 10**10, 10**9, "another")):
            write(STATE + "/grants/" + name, key_values(ID=name, SESSION_ID="", OWNER="", BOOT_ID=boot_id, CREATED=1, NOT_AFTER=not_after,
                                                        BOOT_DEADLINE=boot_deadline), 0o600)
        os.chmod("/run/ssm-bridge/sessions", 0o700)
        os.chmod(STATE + "/grants", 0o700)
        self.assert_refused("remove", "--yes", words="somebody is logged in")
        run(PROGRAM, "apply", "--repair")
        self.assertEqual(os.listdir("/run/ssm-bridge/sessions"), [own])
        self.assertEqual(os.listdir(STATE + "/grants"), ["1" * 16])
        self.userctl("uninstall")
        self.assertEqual(os.listdir(STATE + "/grants"), [])

    def test_remove_when_busy_is_refused(self):
        self.userctl("init")
        self.assert_refused("remove", words="--yes")
        sleeper = subprocess.Popen(["setpriv", "--reuid", "ssm-user", "--clear-groups", "sleep", "600"])
        while run("ps", "-u", "ssm-user", "-o", "comm=").output.strip() != "sleep":
            pass
        self.assert_refused("remove", "--yes", words="processes run")
        sleeper.kill()
        sleeper.wait()
        write("/var/spool/cron/crontabs/ssm-user", "@daily true\n", 0o600)
        self.assert_refused("remove", "--yes", words="crontab")
        remove("/var/spool/cron/crontabs/ssm-user")
        write("/var/spool/cron/atjobs/a0000101234567", "true\n", 0o700)
        os.chown("/var/spool/cron/atjobs/a0000101234567", uid(), 0)
        self.assert_refused("remove", "--yes", words="at job")
        remove("/var/spool/cron/atjobs")
        self.assertTrue(exists())
        self.userctl("remove", "--yes")
        self.assert_no_account()

    def test_remove_keeps_or_deletes_the_home(self):
        self.userctl("init")
        own_uid = uid()
        write(HOME + "/.ssh/authorized_keys", "key\n")
        os.symlink("/etc", HOME + "/link")
        self.userctl("remove", "--yes")
        (kept,) = [name for name in os.listdir("/home") if name.startswith("ssm-user")]
        status = os.stat("/home/" + kept)
        self.assertEqual((status.st_uid, oct(status.st_mode & 0o7777)), (0, "0o700"))
        self.assertTrue(os.path.exists("/home/%s/.ssh/authorized_keys" % kept))
        self.userctl("init")
        self.assert_parked()
        self.assertEqual(uid(), own_uid)
        os.makedirs(HOME + "/" + "/".join("d" * 100))
        os.symlink("/etc", HOME + "/link")
        self.userctl("remove", "--yes", "--purge")
        self.assertFalse(os.path.exists(HOME))
        self.assertTrue(os.path.exists("/etc/passwd"))

    # ---- unpark ----

    def test_unpark_opens_for_a_while(self):
        self.policy(Park="dynamic")
        self.userctl("init")
        self.assert_parked()
        self.userctl("unpark", status=2)
        self.userctl("unpark", "--for", "2d", status=2)
        self.userctl("unpark", "--for", "30m")
        self.assertEqual(shadow(7), "")
        self.userctl("apply", "--repair")
        self.assertEqual(shadow(7), "")
        self.userctl("park")
        self.assert_parked()
        self.userctl("unpark", "--for", "30m")
        record = read(OWNED)
        write(OWNED, re.sub('OPEN_BOOT_ID=".', 'OPEN_BOOT_ID="x', record), 0o600)  # of another boot
        self.userctl("apply", "--repair")
        self.assert_parked()
        self.userctl("unpark", "--for", "1s")
        self.wait_until_parked()
        self.assert_parked()

    def wait_until_parked(self):
        while shadow(7) != "1":
            self.userctl("apply", "--repair")

    def test_unpark_in_static_is_refused(self):
        self.userctl("init")
        self.assert_refused("unpark", "--for", "5m", words="Park=static")

    def test_park_remove_keeps_no_account(self):
        self.policy(Park="remove")
        self.userctl("init")
        self.assert_no_account()
        self.userctl("unpark", "--for", "5m")
        own_uid = uid()
        self.assert_parked()
        sleeper = subprocess.Popen(["setpriv", "--reuid", "ssm-user", "--clear-groups", "sleep", "600"])
        while run("ps", "-u", "ssm-user", "-o", "comm=").output.strip() != "sleep":
            pass
        self.userctl("park")
        self.assert_parked()
        sleeper.send_signal(signal.SIGKILL)
        sleeper.wait()
        self.userctl("apply", "--repair")
        self.assert_no_account()
        self.assertFalse(os.path.exists(HOME))
        self.userctl("unpark", "--for", "5m")
        self.assertEqual(uid(), own_uid)
        self.userctl("park")
        run("useradd", "carol")
        self.assertTrue(agent_session())
        self.assertNotEqual(uid(), own_uid)
        self.userctl("apply", "--repair")
        self.assert_no_account()
        self.assertFalse(os.path.exists(HOME))

    # ---- status ----

    def status(self, code):
        return {name: entry["verdict"] for name, entry in json.loads(self.userctl("status", "--json", status=code).output).items()
                if name != "differences" and entry["verdict"] != "ok"}

    def install_module(self, content):
        (folder,) = [os.path.dirname(path) for path in glob.glob("/usr/lib/*/security/pam_unix.so")]
        write(folder + "/pam_ssm.so", content, 0o644)
        return folder + "/pam_ssm.so"

    def test_status_is_measured(self):
        with open(os.path.join(os.environ["SSM_BIN_DIR"], "pam_ssm.so"), "rb") as file:
            module = file.read()
        worker = "/usr/bin/ssm-session-worker"
        write(worker, "#!/bin/sh\n", 0o755)
        path = self.install_module(module)
        self.assertEqual(self.status(DRIFT), {"account": "drift", "pam": "drift"})
        self.userctl("init")
        self.assertEqual(self.status(0), {})
        os.remove("/etc/pam.d/ssm-sudo")
        self.assertEqual(self.status(DRIFT), {"pam": "drift"})
        self.userctl("pam", "disable")
        self.assertEqual(self.status(5), {"pam": "weak"})
        self.userctl("pam", "enable")
        os.remove(path)
        self.assertEqual(self.status(5), {"module": "weak"})
        for broken in (module[:1000], b"no library", b""):
            self.install_module(broken)
            self.assertEqual(self.status(5), {"module": "weak"}, broken[:20])
        self.install_module(module)
        os.chmod(path, 0o666)
        self.assertEqual(self.status(5), {"module": "weak"})
        os.chmod(path, 0o644)
        os.remove(worker)
        self.assertEqual(self.status(5), {"ssm_agent": "weak"})
        write("/etc/ssm-bridge/host.conf", "[Session]\nRequireSsm=log\n")
        self.assertEqual(self.status(5), {"ssm_agent": "weak", "gate": "weak"})
        write("/etc/sudoers.d/zzzz-later", "ssm-user ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        self.assertEqual(self.status(DRIFT), {"ssm_agent": "weak", "gate": "weak", "sudo": "drift"})
        run("chage", "-E", "-1", "ssm-user")
        self.assertIn("open", self.userctl("status", status=DRIFT).output)
        self.assertEqual(self.status(DRIFT), {"ssm_agent": "weak", "gate": "weak", "sudo": "drift", "account": "drift"})
