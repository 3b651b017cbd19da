"""ssm-userctl pam, sshd and key with the system's own PAM and sshd: what they put in place works, what is doubtful changes nothing,
and all of it leaves without a trace."""

import datetime
import json
import os
import shutil
import time

from host_case import HostCase
from managed_node import WORK_DIR, read, remove, run, write

PROGRAM = os.path.join(os.environ["SSM_BIN_DIR"], "ssm-userctl")
SSHD_PAM = "/etc/pam.d/sshd"
DROP_IN = "/etc/ssh/sshd_config.d/10-ssm-bridge.conf"
STATE = "/var/lib/ssm-bridge"
KEYS = "/run/ssm-bridge/keys"
DRIFT, REFUSED, USAGE = 3, 4, 2


class SetupCase(HostCase):
    """A node on which neither verb has run yet."""

    def setUp(self):
        super().setUp()
        self.forget()
        self.addCleanup(self.forget)

    def forget(self):
        remove("/etc/pam.d/ssm-sudo*", "/etc/ssh/sshd_config.d/*", STATE)
        write(SSHD_PAM, self.node.sshd_pam)
        self.restart_sshd()

    def userctl(self, *arguments, status=0, text_input=None):
        result = run(PROGRAM, *arguments, text_input=text_input)
        self.assertEqual(result.status, status, str(result))
        return result

    def restart_sshd(self):
        self.node.sshd.terminate()
        self.node.sshd.wait()
        self.node.start_sshd()

    def enters(self, user, **options):
        return self.node.ssh(user, "true", **options).status == 0


class CheckJsonTest(SetupCase):
    def checked(self, verb, status=0):
        return json.loads(self.userctl(verb, "check", "--json", status=status).output)

    def test_check_says_the_same_as_json(self):
        for verb in ("pam", "sshd"):
            with self.subTest(verb=verb):
                lines = self.userctl(verb, "check", status=DRIFT).output.splitlines()
                self.assertTrue(lines)
                self.assertEqual(self.checked(verb, DRIFT), {"is_as_wanted": False, "differences": lines})
                self.userctl(verb, "enable")
                self.assertEqual(self.checked(verb), {"is_as_wanted": True, "differences": []})
                for action in ("enable", "disable"):
                    self.assertIn("--json is for check alone", self.userctl(verb, action, "--json", status=USAGE).errors)
                self.assertTrue(self.checked(verb)["is_as_wanted"])


class PamTest(SetupCase):
    def test_pam_enable_disable(self):
        os.chmod(SSHD_PAM, 0o640)
        before = os.stat(SSHD_PAM)
        self.assertFalse(self.enters("ssm-user", session=self.session()))
        self.userctl("pam", "check", status=DRIFT)
        self.userctl("pam", "enable", "--dry-run")
        self.assertEqual(read(SSHD_PAM), self.node.sshd_pam)
        self.userctl("pam", "enable")
        self.assertEqual(read(SSHD_PAM), self.node.gated(self.node.sshd_pam))
        self.assertEqual(read(STATE + "/pam.d-sshd"), self.node.sshd_pam)
        self.assertTrue(self.enters("ssm-user", session=self.session()))
        self.assertFalse(self.enters("ssm-user"))
        self.assertTrue(self.enters("visitor"))
        self.assertEqual(self.userctl("pam", "check").output, "as it should be\n")
        self.userctl("pam", "enable")
        self.assertEqual(read(SSHD_PAM), self.node.gated(self.node.sshd_pam))
        self.userctl("pam", "disable")
        after = os.stat(SSHD_PAM)
        self.assertEqual(read(SSHD_PAM), self.node.sshd_pam)
        self.assertEqual((before.st_mode, before.st_uid, before.st_gid), (after.st_mode, after.st_uid, after.st_gid))
        self.assertEqual([name for name in os.listdir("/etc/pam.d") if "ssm" in name or name.startswith(".")], [])
        self.assertFalse(self.enters("ssm-user", session=self.session()))
        self.assertTrue(self.enters("visitor"))
        os.chmod(SSHD_PAM, 0o644)

    def test_pam_doubt_changes_nothing(self):
        text = self.node.sshd_pam
        doubts = {
            "account sufficient pam_localuser.so\n" + text: "line 1: it may let people in before",
            "account [success=1 default=ignore] pam_rootok.so\n@include common-account\n@include common-session\n": "line 1: it jumps",
            "account -account required pam_permit.so\n" + text: "line 1: PAM knows no such control",
            "account required \\\n pam_permit.so\n" + text: "line 1: it goes on",
            "account required pam_ssm.so\n" + text: "line 1: a line of pam_ssm.so",
            text.replace("@include common-account", "account required pam_permit.so"): "no place for our line",
        }
        for doubt, words in doubts.items():
            with self.subTest(words=words):
                write(SSHD_PAM, doubt)
                self.assertIn(words, self.userctl("pam", "enable", status=REFUSED).errors)
                self.assertEqual(read(SSHD_PAM), doubt)
        write(SSHD_PAM, text, 0o666)
        self.assertIn("may be written by others", self.userctl("pam", "enable", status=REFUSED).errors)

    def test_module_that_cannot_be_loaded_is_refused(self):
        kept = self.node.module + ".kept"
        os.rename(self.node.module, kept)
        self.addCleanup(os.rename, kept, self.node.module)
        for content in (None, b"no module\n"):
            if content:
                write(self.node.module, content)
            self.assertIn("PAM cannot use pam_ssm.so", self.userctl("pam", "enable", status=REFUSED).errors)
            self.assertEqual(read(SSHD_PAM), self.node.sshd_pam)

    def test_lines_that_were_moved_are_put_back(self):
        self.userctl("pam", "enable")
        gated = read(SSHD_PAM)
        write(SSHD_PAM, gated.replace("@include common-account\n", "account required pam_permit.so\n@include common-account\n"))
        self.assertIn("not what and where they should be", self.userctl("pam", "check", status=DRIFT).output)
        self.userctl("pam", "enable")
        self.userctl("pam", "check")
        self.userctl("pam", "disable")
        self.assertEqual(read(SSHD_PAM), self.node.sshd_pam.replace("@include common-account\n", "account required pam_permit.so\n@include common-account\n"))

    def test_what_an_admin_added_to_sudo_stays(self):
        self.userctl("pam", "enable")
        for name in ("ssm-sudo", "ssm-sudo-limited"):
            write("/etc/pam.d/" + name, read("/etc/pam.d/" + name) + "session optional pam_permit.so\n")
        self.userctl("pam", "check")
        self.userctl("pam", "disable")
        self.assertTrue(os.path.exists("/etc/pam.d/ssm-sudo"))
        write("/etc/pam.d/ssm-sudo", "auth required pam_permit.so\n")
        self.userctl("pam", "enable")
        self.assertIn("pam_ssm.so require=grant", read("/etc/pam.d/ssm-sudo"))


class SshdTest(SetupCase):
    def test_sshd_enable_disable(self):
        self.userctl("pam", "enable")
        self.userctl("sshd", "check", status=DRIFT)
        self.userctl("sshd", "enable", "--dry-run")
        self.assertFalse(os.path.exists(DROP_IN))
        self.userctl("sshd", "enable")
        self.userctl("sshd", "check")
        example = read(os.path.join(os.environ["SSM_SOURCE_DIR"], "sshd-config/sshd_config.d/10-ssm-bridge.conf"))
        self.assertEqual(read(DROP_IN), example)
        self.assertEqual(os.stat(DROP_IN).st_mode & 0o7777, 0o644)
        self.restart_sshd()
        self.assertTrue(self.enters("ssm-user", session=self.session()))
        self.assertFalse(self.enters("ssm-user"))
        self.assertTrue(self.enters("visitor"))
        # From elsewhere, sshd says no before PAM is asked.
        since = len(self.node.syslog.lines)
        self.assertFalse(self.enters("ssm-user", options=["BindAddress=127.0.0.2"]))
        self.node.syslog.wait_for(["User ssm-user from 127.0.0.2 not allowed because listed in DenyUsers"], since)
        self.assertTrue(self.enters("visitor", options=["BindAddress=127.0.0.2"]))
        self.userctl("sshd", "disable")
        self.assertEqual(os.listdir("/etc/ssh/sshd_config.d"), [])

    def test_sshd_doubt_changes_nothing(self):
        config = read("/etc/ssh/sshd_config")
        self.addCleanup(write, "/etc/ssh/sshd_config", config)
        early = "/etc/ssh/sshd_config.d/00-admin.conf"
        doubts = (
            ("/etc/ssh/sshd_config", config.replace("Include", "#Include"), "Include /etc/ssh/sshd_config.d/*.conf ?"),
            ("/etc/ssh/sshd_config", config.replace("UsePAM yes", "UsePAM no"), "UsePAM no"),
            ("/etc/ssh/sshd_config", config + "NoSuchSetting yes\n", "NoSuchSetting"),
            (early, "AuthorizedKeysFile /etc/keys/%u\n", "another file says AuthorizedKeysFile before ours"),
            (early, "DenyUsers ssm-user\n", "not even from the node itself"),
        )
        for path, text, words in doubts:
            with self.subTest(words=words):
                write(path, text)
                status = 1 if "NoSuch" in words else REFUSED
                self.assertIn(words, self.userctl("sshd", "enable", status=status).errors)
                self.assertFalse(os.path.exists(DROP_IN))
                write("/etc/ssh/sshd_config", config)
                remove(early)

    def test_authorized_keys_file_of_the_admin_is_kept(self):
        write("/etc/ssh/sshd_config.d/50-admin.conf", "AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u\n")
        self.userctl("sshd", "enable")
        self.assertIn("AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u /run/ssm-bridge/keys/%u\n", read(DROP_IN))
        # He changes his mind: ours hides his, which is seen and mended.
        write("/etc/ssh/sshd_config.d/50-admin.conf", "AuthorizedKeysFile none\n")
        self.userctl("sshd", "check", status=DRIFT)
        self.userctl("sshd", "enable")
        self.assertIn("\nAuthorizedKeysFile /run/ssm-bridge/keys/%u\n", read(DROP_IN))
        self.assertTrue(run("sshd", "-t").status == 0)


class KeyTest(SetupCase):
    """For `visitor`, whose authorized_keys is taken away."""

    def setUp(self):
        super().setUp()
        self.userctl("sshd", "enable")
        self.restart_sshd()
        remove("/home/visitor/.ssh")
        self.addCleanup(self.give_back)
        self.key = read(WORK_DIR + "/user_key.pub").strip()
        self.fingerprint = run("ssh-keygen", "-l", "-f", WORK_DIR + "/user_key.pub").output.split()[1]

    def give_back(self):
        os.mkdir("/home/visitor/.ssh")
        self.node.accept_key("visitor")

    def listed(self):
        return json.loads(self.userctl("key", "list", "--json").output)

    def test_wrong_words_are_refused(self):
        for arguments, status in (
                (["key", "accept", "--user", "root", self.key], REFUSED), (["key", "accept", "--user", "nobody-here", self.key], REFUSED),
                (["key", "accept", "--user", "../visitor", self.key], REFUSED), (["key", "accept", "--user", "visitor", "ssh-rsa AAAA"], 1),
                (["key", "accept", "--user", "visitor", "--for", "2h", self.key], USAGE), (["key", "accept", "--user", "visitor"], 1),
                (["key", "revoke", "--user", "visitor"], USAGE), (["key", "revoke", "--user", "visitor", "SHA256:none"], 1),
                (["key", "accept", "--user", "visitor", 'command="id" ' + self.key], 1), (["key", "give"], USAGE)):
            with self.subTest(arguments=arguments):
                self.userctl(*arguments, status=status)
        self.assertFalse(os.path.exists(KEYS))

    def test_accept_and_revoke(self):
        self.assertFalse(self.enters("visitor"))
        self.userctl("key", "accept", "--user", "visitor", "--for", "10m", text_input=self.key + "\n")
        self.assertTrue(self.enters("visitor"))
        self.assertFalse(self.enters("visitor", options=["BindAddress=127.0.0.2"]))
        (entry,) = self.listed()
        self.assertEqual((entry["user"], entry["fingerprint"], entry["type"]), ("visitor", self.fingerprint, "ssh-ed25519"))
        self.userctl("key", "revoke", "--user", "visitor", self.fingerprint)
        self.assertFalse(self.enters("visitor"))
        self.assertEqual((self.listed(), os.listdir(KEYS)), ([], []))
        self.assertEqual([entry["reason"] for entry in self.node.audit() if entry["event"].startswith("key-")],
                         ["%s for visitor" % self.fingerprint] * 2)

    @staticmethod
    def accepts(user):
        return os.path.exists(os.path.join(KEYS, user))

    def test_it_expires(self):
        self.userctl("key", "accept", "--user", "visitor", "--for", "10m", self.key)
        self.assertTrue(self.enters("visitor"))
        self.userctl("key", "accept", "--user", "visitor", "--for", "3s", *self.key.split())
        (entry,) = self.listed()
        end = datetime.datetime.fromisoformat(entry["not_after"].replace("Z", "+00:00")).timestamp()
        self.assertLess(end - time.time(), 4)
        while self.enters("visitor"):
            self.assertLess(time.time(), end + 30, "it never ends")
        self.assertGreaterEqual(time.time(), end - 0.01)
        self.assertEqual(self.listed(), [])
        self.userctl("key", "accept", "--user", "ssm-user", self.key)
        self.assertTrue(self.accepts("visitor"))

    def test_for_ssm_user_pam_has_the_last_word(self):
        self.userctl("pam", "enable")
        keys = "/home/ssm-user/.ssh/authorized_keys"
        shutil.move(keys, keys + ".away")
        self.addCleanup(shutil.move, keys + ".away", keys)
        self.assertFalse(self.enters("ssm-user", session=self.session()))
        self.userctl("key", "accept", self.key)
        self.assertTrue(self.enters("ssm-user", session=self.session()))
        self.assertFalse(self.enters("ssm-user"))

    def test_root_only_when_allowed(self):
        self.userctl("key", "accept", "--allow-root", "--user", "root", self.key)
        self.assertEqual(self.listed()[0]["user"], "root")
        self.assertEqual((os.stat(KEYS).st_mode & 0o7777, os.stat(KEYS + "/root").st_mode & 0o7777), (0o711, 0o644))
        self.userctl("key", "revoke", "--allow-root", "--user", "root", "--all")
        self.assertEqual(self.listed(), [])


class WholeTest(SetupCase):
    def test_adopt_and_uninstall(self):
        self.userctl("adopt")
        for verb in ("pam", "sshd"):
            self.userctl(verb, "check")
        self.restart_sshd()
        self.assertTrue(self.enters("ssm-user", session=self.session()))
        self.assertFalse(self.enters("ssm-user"))
        # What systemd's units run.
        self.assertEqual(self.userctl("apply", "--repair").output, "")
        self.userctl("init")
        # What an admin switches off stays off, what somebody takes away comes back.
        self.userctl("sshd", "disable")
        write(SSHD_PAM, self.node.sshd_pam)
        self.userctl("apply")
        self.assertEqual((read(SSHD_PAM), os.path.exists(DROP_IN)), (self.node.gated(self.node.sshd_pam), False))
        self.userctl("sshd", "enable")
        self.userctl("pam", "disable")
        self.userctl("uninstall", "--restore")
        self.assertEqual(os.listdir(STATE), [])
        self.assertEqual((read(SSHD_PAM), os.path.exists(DROP_IN)), (self.node.sshd_pam, False))
        self.assertTrue(self.enters("visitor"))
