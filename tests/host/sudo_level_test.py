"""ssm-userctl governs sudo: levels, grants, lists; what visudo, cvtsudoers and sudo say of it, and what is left when it is killed."""

import json
import os
import re
import shutil
import stat
import subprocess

from host_case import HostCase
from managed_node import ALICE, BOB, GRANTS, read, remove, run, write

OURS = "/etc/sudoers.d/zzz-ssm-bridge"
AGENTS = "/etc/sudoers.d/ssm-agent-users"
AGENT_RULE = "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\n"
LIST = "/etc/ssm-bridge/limited.d/web"
ORIGINAL = "/var/lib/ssm-bridge/ssm-agent-users.saved"


def userctl(*arguments):
    return run("ssm-userctl", *arguments)


def may(command, user="ssm-user"):
    """Does sudo itself allow it?"""
    return run("sudo", "-n", "-l", "-U", user, *command.split()).status == 0


class SudoersCase(HostCase):
    def setUp(self):
        super().setUp()
        remove("/etc/ssm-bridge", "/var/lib/ssm-bridge", "/etc/sudoers.d/*")
        for path in ("/etc/ssm-bridge", "/etc/ssm-bridge/limited.d"):
            os.mkdir(path, 0o755)
        write(AGENTS, AGENT_RULE, 0o440)
        write("/etc/sudoers.d/administrator", "administrator ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)
        self.sudoers = read("/etc/sudoers")

    def tearDown(self):
        write("/etc/sudoers", self.sudoers, 0o440)
        super().tearDown()

    def assert_sudoers_right(self):
        self.assert_success(run("visudo", "-c"))
        for path in (OURS, AGENTS):
            status = os.lstat(path)
            self.assertEqual((stat.filemode(status.st_mode), status.st_uid, status.st_gid), ("-r--r-----", 0, 0), path)
        self.assertEqual(sorted(os.listdir("/etc/sudoers.d")), ["administrator", "ssm-agent-users", "zzz-ssm-bridge"])


class LevelTest(SudoersCase):
    def test_none_takes_the_agents_rule_away(self):
        self.assertTrue(may("/bin/bash"))
        self.assert_success(userctl("level", "none"), "")
        self.assert_sudoers_right()
        self.assertFalse(may("/bin/bash") or may("/usr/bin/id"))
        self.assertTrue(may("/bin/bash", "administrator"))
        self.assertEqual([line for line in read(AGENTS).splitlines() if not line.startswith("#")], [])
        self.assertEqual(read(ORIGINAL), AGENT_RULE)
        for path in (OURS, AGENTS):
            self.assertNotRegex(read(path), "(?i)nopasswd|!authenticate")
        (event,) = self.node.audit("level")
        self.assertEqual((event["level"], event["user"]), ("none", "ssm-user"))

    def test_the_header_is_the_hash_of_the_rest(self):
        self.assert_success(userctl("level", "root"))
        header, body = read(OURS).split("\n", 1)
        write("/run/test/body", body)
        self.assertEqual(header.split("sha256=")[1], run("sha256sum", "/run/test/body").output.split()[0])

    def test_root_and_back(self):
        self.assert_success(userctl("level", "root"))
        self.assert_sudoers_right()
        self.assertTrue(may("/bin/bash"))
        self.assertEqual(read("/etc/ssm-bridge/host.conf.d/50-level.conf").splitlines()[-1], "Level=root")
        self.assert_success(userctl("level", "none"))
        self.assertFalse(may("/bin/bash"))

    def test_limited(self):
        write(LIST, "Cmnd_Alias SSMLIM_WEB = /usr/bin/id -u, /usr/bin/systemctl ^--no-pager (start|status) [a-z]+$\n")
        self.assert_success(userctl("level", "limited"), "")
        self.assert_sudoers_right()
        self.assertTrue(may("/usr/bin/id -u") and may("/usr/bin/systemctl --no-pager start x"))
        for command in ("/bin/bash", "/usr/bin/id", "/usr/bin/id -u root", "/usr/bin/systemctl --no-pager start x y"):
            self.assertFalse(may(command), command)
        self.assertFalse(may("-u visitor /usr/bin/id -u"))

    def test_nothing_is_written_twice(self):
        for level in ("root", "none"):
            self.assert_success(userctl("level", level))
            before = [os.stat(path) for path in (OURS, AGENTS)]
            self.assert_success(userctl("level", level))
            after = [os.stat(path) for path in (OURS, AGENTS)]
            self.assertEqual([(s.st_ino, s.st_mtime_ns) for s in before], [(s.st_ino, s.st_mtime_ns) for s in after])

    def test_damage_is_mended(self):
        self.assert_success(userctl("level", "none"))
        text = read(OURS)
        for damage in (lambda: os.chmod(OURS, 0o666), lambda: os.chown(OURS, 1000, 0), lambda: os.remove(OURS),
                       lambda: write(OURS, text + "ssm-user ALL=(ALL) NOPASSWD: ALL\n", 0o440),
                       lambda: (os.remove(OURS), os.symlink("/dev/null", OURS)),
                       lambda: write(OURS, "not sudoers at all\n", 0o440)):
            damage()
            self.assert_success(userctl("level", "none"))
            self.assert_sudoers_right()
            self.assertEqual(read(OURS), text)

    def test_a_symbolic_link_in_the_agents_place_is_replaced_not_followed(self):
        write("/run/test/victim", "untouched\n", 0o640)
        os.remove(AGENTS)
        os.symlink("/run/test/victim", AGENTS)
        self.assert_success(userctl("level", "none"))
        self.assert_sudoers_right()
        self.assertEqual((read("/run/test/victim"), stat.S_IMODE(os.stat("/run/test/victim").st_mode)), ("untouched\n", 0o640))

    def test_started_in_odd_surroundings(self):
        for before in (["env", "--ignore-signal=CHLD"], ["env", "-i"], ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"], ["sh", "-c", 'umask 0; exec "$@"', "sh"]):
            self.assert_success(run(*before, "/usr/sbin/ssm-userctl", "level", "root"))
            self.assert_success(run(*before, "/usr/sbin/ssm-userctl", "level", "none"))
            self.assert_sudoers_right()

    def test_dry_run_changes_nothing(self):
        result = userctl("level", "root", "--dry-run")
        self.assert_success(result)
        self.assertIn("ssm-user ALL=(ALL:ALL) PASSWD: NOSETENV: ALL\n", result.output)
        self.assertFalse(os.path.exists(OURS) or os.path.exists("/etc/ssm-bridge/host.conf.d/50-level.conf"))
        self.assertEqual(read(AGENTS), AGENT_RULE)

    def test_a_later_file_that_says_otherwise(self):
        write("/etc/ssm-bridge/host.conf.d/90-own.conf", "[Privilege]\nLevel=none\n")
        result = userctl("level", "root")
        self.assertEqual(result.status, 4, str(result))
        self.assertIn("a file behind /etc/ssm-bridge/host.conf.d/50-level.conf says Level=none", result.errors)
        self.assertFalse(os.path.exists("/etc/ssm-bridge/host.conf.d/50-level.conf") or os.path.exists(OURS))

    def test_bad_policy_applies_nothing(self):
        self.assert_success(userctl("level", "none"))
        before = read(OURS)
        write("/etc/ssm-bridge/host.conf", "[Privilege]\nMaxGrant=soon\n")
        result = userctl("level", "root")
        self.assertEqual((result.status, read(OURS)), (1, before), str(result))
        self.assertIn("host.conf:2: maxgrant wants a time", result.errors)

    def test_not_root(self):
        result = self.node.run_as("visitor", "/usr/sbin/ssm-userctl", "level", "root")
        self.assertEqual(result.status, 4, str(result))
        self.assertIn("this is for root", result.errors)


class LintTest(SudoersCase):
    def test_a_list_that_is_as_good_as_root(self):
        write(LIST, "# list\nCmnd_Alias SSMLIM_WEB = /usr/bin/id -u, \\\n  /usr/bin/find /srv\nCmnd_Alias SSMLIM_B = /usr/bin/env\n")
        result = userctl("level", "limited")
        self.assertEqual(result.status, 4, str(result))
        self.assertIn(LIST + ":4: error: /usr/bin/env: runs the command that it is given; instead: that command itself", result.errors)
        self.assertFalse(os.path.exists(OURS))
        self.assert_success(userctl("level", "limited", "--i-know"))
        self.assertTrue(may("/usr/bin/env"))
        self.assert_success(userctl("level", "limited"))  # it is remembered
        write(LIST, "Cmnd_Alias SSMLIM_B = /usr/bin/env, /usr/bin/nice\n")
        self.assertEqual(userctl("level", "limited").status, 4)  # for that list
        self.assertFalse(may("/usr/bin/nice"))

    def test_lint(self):
        write("/srv-tool", "#!/bin/sh\n", 0o777)
        write("/run/test/list", "Cmnd_Alias SSMLIM_A = /srv-tool \"\"\n")
        try:
            result = userctl("lint", "/run/test/list")
            self.assertEqual(result.status, 4, str(result))
            self.assertIn("/run/test/list:1: error: /srv-tool \"\": somebody other than root can replace the program", result.errors)
            result = userctl("lint", "--json", "/run/test/list")
            found = json.loads(result.output)
            self.assertEqual([(entry["severity"], entry["line"], entry["alias"]) for entry in found],
                             [("error", 1, "SSMLIM_A"), ("warning", 1, "SSMLIM_A")])
        finally:
            os.remove("/srv-tool")
        write("/run/test/list", "Cmnd_Alias SSMLIM_A = /usr/bin/id -u\n")
        self.assert_success(userctl("lint", "/run/test/list"), "")
        self.assertEqual(userctl("lint", "/nowhere").status, 1)
        write("/run/test/list", "ssm-user ALL=(ALL) ALL\n")
        result = userctl("lint", "/run/test/list")
        self.assertEqual(result.status, 1, str(result))
        self.assertIn("/run/test/list:1: only comments and Cmnd_Alias lines", result.errors)

    def test_the_example(self):
        path = os.path.join(os.environ["SSM_SOURCE_DIR"], "sshd-config/ssm-bridge/limited.d/example")
        self.assert_success(userctl("lint", path), "")
        commands = [line[2:] for line in read(path).splitlines(True) if re.match("# (Cmnd_Alias| {8})", line)]
        self.assertGreaterEqual(len(commands), 2)
        write(LIST, "".join(commands))
        self.assert_success(userctl("lint"), "")
        self.assert_success(userctl("level", "limited"))

    def test_a_list_that_others_may_write(self):
        write(LIST, "Cmnd_Alias SSMLIM_A = /usr/bin/id -u\n", 0o666)
        result = userctl("level", "limited")
        self.assertEqual(result.status, 4, str(result))
        self.assertIn("may be written by others", result.errors)


class DoubtTest(SudoersCase):
    """visudo and sudo have the last word."""

    def test_alias_of_another_file_is_taken_back(self):
        write("/etc/sudoers.d/administrator", "Cmnd_Alias SSMLIM_WEB = /bin/bash\nadministrator ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)
        self.assert_success(userctl("level", "none"))
        before = read(OURS)
        write(LIST, "Cmnd_Alias SSMLIM_WEB = /usr/bin/id -u\n")
        result = userctl("level", "limited")
        self.assertEqual((result.status, read(OURS)), (1, before), str(result))
        self.assertRegex(result.errors, "SSMLIM_WEB.*the old file is back")
        self.assertNotIn("limited", read("/etc/ssm-bridge/host.conf.d/50-level.conf"))
        self.assert_sudoers_right()

    def test_a_rule_elsewhere_that_beats_ours(self):
        write("/etc/sudoers", self.sudoers + "ssm-user ALL=(ALL) !ALL\n", 0o440)
        self.assert_success(userctl("level", "none"))
        result = userctl("level", "root")
        self.assertEqual(result.status, 1, str(result))
        self.assertRegex(result.errors, "sudo still does not allow ssm-user .*the old file is back")
        self.assertNotIn("NOSETENV", read(OURS))
        # What takes away stays, and is said.
        write("/etc/sudoers", self.sudoers, 0o440)
        self.assert_success(userctl("level", "root"))
        write("/etc/sudoers", self.sudoers + "ssm-user ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        result = userctl("level", "none")
        self.assertEqual(result.status, 3, str(result))
        self.assertIn("sudo still allows ssm-user to do everything", result.errors)
        self.assertNotIn("NOSETENV", read(OURS))
        self.assertEqual(userctl("level", "none").status, 3)  # also when nothing is left to write

    def test_sudo_that_does_not_answer(self):
        """A change that takes away stands; one that gives does not."""
        self.assert_success(userctl("level", "root"))
        os.rename("/usr/bin/sudo", "/usr/bin/sudo.real")
        write("/usr/bin/sudo", "#!/bin/sh\ncase $1 in -n) kill -9 $$ ;; esac\nexec /usr/bin/sudo.real \"$@\"\n", 0o755)
        self.addCleanup(os.rename, "/usr/bin/sudo.real", "/usr/bin/sudo")
        for level, status in (("none", 3), ("root", 1)):
            result = userctl("level", level)
            self.assertEqual(result.status, status, str(result))
            self.assertIn("sudo -l -U ssm-user gives no answer (status 137)", result.errors)
            self.assertNotIn("NOSETENV", read(OURS))

    def test_sudo_rs(self):
        """What it cannot keep is refused, and the policy is as it was; the level none is possible."""
        os.rename("/usr/bin/sudo", "/usr/bin/sudo.real")
        write("/usr/bin/sudo", "#!/bin/sh\n[ \"$1\" != --version ] || exec echo sudo-rs 0.2.8\nexec /usr/bin/sudo.real \"$@\"\n", 0o755)
        self.addCleanup(os.rename, "/usr/bin/sudo.real", "/usr/bin/sudo")
        self.assert_success(userctl("level", "none"))
        before = read(OURS)
        grant = ("grant", "--for", "1m", "--reason", "x")
        for arguments in (("level", "limited"), ("level", "root"), ("level", "root", "--dry-run"), grant, (*grant, "--dry-run")):
            result = userctl(*arguments)
            self.assertEqual(result.status, 4, str(result))
            self.assertIn("sudo-rs has no pam_service, so that the session would not be verified for sudo", result.errors)
            self.assertEqual(read(OURS), before)
        self.assertIn("Level=none", read("/etc/ssm-bridge/host.conf.d/50-level.conf"))
        write("/etc/ssm-bridge/host.conf.d/50-level.conf", "[Privilege]\nLevel=root\n", 0o644)
        self.assertIn("only the level none is possible", userctl("status").output)

    def test_sudoers_that_is_broken_already(self):
        self.assert_success(userctl("level", "root"))
        write("/etc/sudoers.d/administrator", "administrator ALL=(ALL:ALL NOPASSWD: ALL\n", 0o440)
        self.assertEqual(userctl("level", "none").status, 0)
        self.assertFalse(may("/bin/bash"))
        before = read(OURS)
        result = userctl("level", "root")
        self.assertEqual((result.status, read(OURS)), (1, before), str(result))
        self.assertIn("sudoers is not in order already", result.errors)

    def test_apply_mends_and_uninstall_takes_away(self):
        self.assert_success(userctl("adopt"))
        self.assert_sudoers_right()
        self.assertEqual(userctl("plan").output, "nothing to do: the node is as the policy wants it\n")
        os.remove(OURS)
        result = userctl("plan")
        self.assertEqual(result.status, 3, str(result))
        self.assertIn("sudoers: write " + OURS + " anew", result.output)
        self.assertFalse(os.path.exists(OURS))
        self.assertIn("sudoers: " + OURS + " gives the level none", userctl("apply", "--repair").output)
        self.assert_sudoers_right()
        self.assert_success(userctl("apply", "--repair"), "")
        self.assert_success(userctl("uninstall"))
        self.assertFalse(os.path.exists(OURS))
        self.assertFalse(may("/bin/bash"))

    def test_no_account_yet(self):
        write("/etc/ssm-bridge/host.conf", "[Account]\nName=later-user\n")
        self.assert_success(userctl("level", "root"))
        self.assertIn("later-user ALL=(ALL:ALL) PASSWD: NOSETENV: ALL", read(OURS))

    def test_account_of_somebody_else(self):
        """Rules for an account shut it out: a name that was mistaken in host.conf must not be an administrator."""
        def files():
            return os.path.exists(OURS), read("/etc/pam.d/sshd"), os.listdir("/etc/ssh/sshd_config.d")

        before = files()
        write("/etc/ssm-bridge/host.conf", "[Account]\nName=administrator\n")
        for verb in (("level", "none"), ("pam", "enable"), ("sshd", "enable")):
            with self.subTest(verb=verb):
                result = userctl(*verb)
                self.assertNotEqual(result.status, 0, str(result))
                self.assertIn("was not made by ssm-userctl", result.errors)
                self.assert_success(self.node.run_as("administrator", "sudo", "-n", "id", "-u"), "0")
                self.assertEqual(files(), before)

    def test_writable_directory(self):
        os.chmod("/etc/sudoers.d", 0o777)
        try:
            result = userctl("level", "none")
            self.assertEqual(result.status, 4, str(result))
            self.assertIn("may be written by others", result.errors)
        finally:
            os.chmod("/etc/sudoers.d", 0o755)

    def test_the_lock(self):
        os.makedirs("/run/ssm-bridge", 0o700, exist_ok=True)
        result = run("flock", "/run/ssm-bridge/lock", "timeout", "1", "ssm-userctl", "level", "none")
        self.assertEqual(result.status, 124, str(result))
        self.assertFalse(os.path.exists(OURS))


class GrantTest(SudoersCase):
    def grant(self, *arguments):
        result = userctl("grant", "--json", "--reason", "disk full", *arguments)
        self.assert_success(result)
        return json.loads(result.output)[0]

    def test_usage(self):
        for arguments, status in ((["--for", "30m"], 2), (["--reason", "x"], 2), (["--for", "soon", "--reason", "x"], 2),
                                  (["--for", "30m", "--reason", ""], 2), (["--for", "30m", "--reason", "a\nb"], 2),
                                  (["--for", "30m", "--reason", "x" * 257], 2), (["--for", "3h", "--reason", "x"], 4),
                                  (["--for", "30m", "--reason", "x", "--session", "../x"], 2),
                                  (["--for", "30m", "--reason", "x", "--owner", "alice"], 2)):
            result = userctl("grant", *arguments)
            self.assertEqual(result.status, status, str(result))
        self.assertFalse(os.path.exists(GRANTS) and os.listdir(GRANTS))
        self.assertFalse(os.path.exists(OURS))

    def test_a_grant_in_sudoers(self):
        self.assert_success(userctl("level", "none"))
        short = self.grant("--for", "10m", "--by", "ops@example.com", "--owner", ALICE)
        long = self.grant("--for", "30m", "--session", "bob-0123456789abcdef0")
        self.assert_sudoers_right()
        until = re.sub(r"[-:T]|\.\d+", "", long["until"])
        self.assertIn("ssm-user ALL=(ALL:ALL) NOTAFTER=%s PASSWD: NOSETENV: ALL\n" % until, read(OURS))
        self.assertTrue(may("/bin/bash"))
        listed = json.loads(userctl("grants", "--json").output)
        self.assertEqual({entry["id"]: entry["is_active"] for entry in listed}, {short["id"]: True, long["id"]: True})
        self.assertRegex(userctl("grants").output, short["id"] + "  (9m 59s|10m) left  for " + ALICE + ", by ops@example.com: disk full")
        (first, second) = self.node.audit("grant")
        self.assertEqual((first["grant_id"], first["owner_arn"], first["by"]), (short["id"], ALICE, "ops@example.com"))
        self.assertEqual((second["session_id"], second["reason"]), ("bob-0123456789abcdef0", "disk full"))
        self.assert_success(userctl("revoke", long["id"]))
        self.assertTrue(may("/bin/bash"))
        self.assert_success(userctl("revoke", "--all"))
        self.assertFalse(may("/bin/bash"))
        self.assertEqual(os.listdir(GRANTS), [])
        self.assertEqual(userctl("revoke", long["id"]).status, 1)
        self.assertEqual(userctl("revoke").status, 2)
        self.assertEqual([event["grant_id"] for event in self.node.audit("revoke")], [long["id"], short["id"]])

    def test_it_ends_by_itself_and_is_swept(self):
        self.assert_success(userctl("level", "none"))
        self.grant("--for", "2")
        self.node.wait_until("the end of the grant", lambda: not may("/bin/bash"))
        self.assertEqual(len(os.listdir(GRANTS)), 1)
        self.assertIn(": disk full", userctl("grants").output)
        self.assertIn("over", userctl("grants").output)
        self.assert_success(userctl("adopt"))
        self.assertEqual(os.listdir(GRANTS), [])
        self.assertNotIn("NOTAFTER", read(OURS))

    def test_of_an_earlier_boot(self):
        grant = self.grant("--for", "1h")
        path = GRANTS + "/" + grant["id"]
        write(path, re.sub("BOOT_ID=.*", 'BOOT_ID="01234567-89ab-cdef-0123-456789abcdef"', read(path)), 0o600)
        self.assert_success(userctl("adopt"))
        self.assertFalse(may("/bin/bash"))
        self.assertEqual(os.listdir(GRANTS), [])

    def test_dry_run(self):
        plan = ("grant", "--dry-run", "--for", "1m", "--reason", "x")
        result = userctl(*plan)
        self.assert_success(result)
        self.assertRegex(result.output, "^would be granted: .* left  for everyone.*: x\n$")
        self.assertEqual(json.loads(userctl(*plan, "--json").output)[0]["id"], "")
        write("/etc/sudoers.d/administrator", "administrator ALL=(ALL:ALL NOPASSWD: ALL\n", 0o440)
        real, dry = userctl(*(word for word in plan if word != "--dry-run")), userctl(*plan)
        self.assertNotEqual(dry.status, 0, str(dry))
        self.assertEqual((dry.status, dry.output), (real.status, ""))
        self.assertEqual(os.listdir(GRANTS), [])
        self.assertFalse(os.path.exists(OURS))
        self.assertEqual(self.node.audit("grant"), [])

    def test_a_grant_does_not_widen_the_list_of_other_sessions(self):
        """Bob has the list; while Alice has everything, his list is run as root, with NOEXEC, and as nobody else."""
        write(LIST, "Cmnd_Alias SSMLIM_A = /usr/bin/id, /usr/bin/env\n")
        self.assert_success(userctl("level", "limited", "--i-know"))
        self.grant("--for", "10m", "--owner", ALICE)
        alice, bob = self.session(ALICE), self.session(BOB)
        self.assert_success(self.node.ssh("ssm-user", "sudo /bin/sh -c 'id -un'", session=alice), "root")
        self.assert_success(self.node.ssh("ssm-user", "sudo /usr/bin/id -un", session=bob), "root")
        for command in ("sudo /bin/sh -c id", "sudo -u visitor /usr/bin/id -un", "sudo -g visitor /usr/bin/id", "sudo /usr/bin/env id -un"):
            result = self.node.ssh("ssm-user", command, session=bob)
            self.assertNotEqual(result.status, 0, str(result))
            self.assertNotIn("uid=0", result.output)
            self.assertNotIn("root", result.output)

    def test_revoke_kill(self):
        self.assert_success(userctl("level", "none"))
        grant = self.grant("--for", "10m", "--owner", ALICE)
        self.grant("--for", "10m", "--owner", BOB)
        marks = ["/run/test/alice", "/run/test/bob"]
        remove(*marks)
        processes = []
        for owner, mark in ((ALICE, marks[0]), (BOB, marks[1])):
            command = self.node.ssh_command("ssm-user", "sudo sh -c 'echo $$ >%s; sleep 600 & sleep 600'; echo after" % mark,
                                            session=self.session(owner))
            processes.append(self.start(command))
        self.node.wait_until("both sudo", lambda: all(os.path.exists(mark) and read(mark).strip() for mark in marks))
        pids = [int(read(mark)) for mark in marks]
        result = userctl("revoke", grant["id"], "--kill")
        self.assert_success(result)
        self.assertRegex(result.output, r"revoked\n[1-9]\d* processes ended")
        output, _ = processes[0].communicate(timeout=30)
        self.assertIn("after", output)  # the session itself lives on
        self.assertFalse(os.path.exists("/proc/%d" % pids[0]))
        self.assertTrue(os.path.exists("/proc/%d" % pids[1]))
        self.assert_success(userctl("revoke", "--all", "--kill"))
        processes[1].communicate(timeout=30)
        self.node.wait_until("every sleep is gone", lambda: run("pgrep", "-x", "sleep").status != 0)

    def start(self, command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process


class SessionTest(SudoersCase):
    """sudo itself, inside a session, with the PAM services that we ship."""

    FORMS = ("sudo -n /usr/bin/id -u", "sudo /usr/bin/id -u", "sudo -i id -u", "sudo -s id -u", "sudo -b /usr/bin/id -u", "sudo -S /usr/bin/id -u",
             "sudo -u root -g visitor /usr/bin/id -u", "sudo -H /usr/bin/id -u")

    def setUp(self):
        super().setUp()
        for name in ("ssm-sudo", "ssm-sudo-limited"):
            shutil.copy(os.path.join(os.environ["SSM_SOURCE_DIR"], "sshd-config/pam.d", name), "/etc/pam.d/" + name)

    def answers(self, session):
        script = "; ".join("echo $(%s 2>/dev/null)" % form for form in self.FORMS)
        return self.node.ssh("ssm-user", script, session=session).output.splitlines()

    def test_sudo_at_none(self):
        self.assert_success(userctl("level", "none"))
        self.assertEqual(self.answers(self.session(ALICE)), [""] * len(self.FORMS))
        self.assertNotEqual(self.node.ssh("ssm-user", "sudo -v", session=self.session(ALICE)).status, 0)

    def test_sudo_at_root(self):
        self.assert_success(userctl("level", "root"))
        self.assertEqual(self.answers(self.session(ALICE)), ["0"] * len(self.FORMS))
        self.assert_success(self.node.ssh("ssm-user", "sudo -v && sudo -l >/dev/null && sudo -k", session=self.session(ALICE)))

    def test_sudo_at_limited(self):
        write(LIST, "Cmnd_Alias SSMLIM_A = /usr/bin/id -u\n")
        self.assert_success(userctl("level", "limited"))
        expected = ["0" if form.endswith("/usr/bin/id -u") and "-g" not in form else "" for form in self.FORMS]
        self.assertEqual(self.answers(self.session(ALICE)), expected)

    def test_variables_do_not_pass(self):
        self.assert_success(userctl("level", "root"))
        result = self.node.ssh("ssm-user", "sudo LD_PRELOAD=/tmp/x.so /usr/bin/env; sudo -E /usr/bin/env", session=self.session(ALICE))
        self.assertNotIn("LD_PRELOAD", result.output)
        self.assertIn("not allowed to set the following environment variables", result.errors)
        self.assertIn("not allowed to preserve the environment", result.errors)

    def test_a_grant_ends_to_the_second(self):
        self.assert_success(userctl("level", "none"))
        session = self.session(ALICE)
        result = userctl("grant", "--for", "6", "--reason", "x", "--session", session.id, "--json")
        until = json.loads(result.output)[0]["until"]
        script = "while [ $(date +%%s) -le $(($(date -d %s +%%s) + 3)) ]; do echo $(date -u +%%FT%%T) $(sudo -n id -u 2>/dev/null); sleep 0.2; done" % until
        lines = [line.split() for line in self.node.ssh("ssm-user", script, session=session).output.splitlines()]
        self.assertEqual(lines[0][1:], ["0"])
        for when, *answer in lines:  # sudo runs after `date`: it may be later by a little, never earlier
            if answer:
                self.assertLess(when, until[:19])
        self.assertEqual(lines[-1][1:], [])

    def test_other_people_are_left_alone(self):
        """A listed command has a PAM service of ours for everybody (Defaults!ALIAS cannot be told for whom)."""
        write(LIST, "Cmnd_Alias SSMLIM_A = /usr/bin/id -u\n")
        for level in ("none", "limited", "root"):
            self.assert_success(userctl("level", level))
            self.assert_success(self.node.run_as("administrator", "sudo", "-n", "/usr/bin/id", "-u"), "0")
            self.assert_success(self.node.run_as("administrator", "sudo", "-n", "/usr/bin/id", "-un"), "root")
            self.assertNotEqual(self.node.run_as("visitor", "sudo", "-n", "/usr/bin/id", "-u").status, 0)
        os.remove(self.node.module)
        self.assert_success(self.node.run_as("administrator", "sudo", "-n", "/usr/bin/id", "-u"), "0")
        self.assertNotEqual(self.node.ssh("ssm-user", "sudo -n /usr/bin/id -u", session=self.session(ALICE)).status, 0)

    def test_defaults_of_others_do_not_weaken_it(self):
        write("/etc/sudoers", "Defaults !authenticate, !pam_acct_mgmt, targetpw, timestamp_timeout=60\n" + self.sudoers, 0o440)
        self.assert_success(userctl("level", "none"))
        self.assert_success(userctl("grant", "--for", "10m", "--reason", "x", "--owner", ALICE))
        self.assert_success(self.node.ssh("ssm-user", "sudo -n id -u", session=self.session(ALICE)), "0")
        self.assertNotEqual(self.node.ssh("ssm-user", "sudo -n id -u", session=self.session(BOB)).status, 0)
        self.assertNotEqual(self.node.run_as("ssm-user", "sudo", "-n", "id", "-u").status, 0)
