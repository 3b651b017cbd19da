"""The module in a stack as sshd has it, by libpam itself, without root: pam_wrapper gives a folder of services of our own."""

import ctypes.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from workspace import SOURCE_DIR, program

HERE = os.path.join(SOURCE_DIR, "tests", "host")
WRAPPER = "libpam_wrapper.so"
LINE = "-account [success=done ignore=ignore module_unknown=ignore default=die] %s %s\n"
# What stands for the rest of the stack: for ssm-user, whose account is expired, and for everybody else.
EXPIRED, OTHERS = "account required pam_debug.so acct=acct_expired\n", "account required pam_permit.so\n"
SUCCESS, SERVICE_ERR, PERM_DENIED, ACCT_EXPIRED = 0, 3, 6, 13


class PamWrapperTest(unittest.TestCase):
    def setUp(self):
        try:
            ctypes.CDLL(WRAPPER)
        except OSError as error:
            self.skipTest("no pam_wrapper: %s" % error)
        self.folder = tempfile.mkdtemp(prefix="ssm-pam-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # Where an ordinary user can read them, wherever the tree lies.
        for path in (program("pam_ssm_test.so"), os.path.join(HERE, "pam_client.py"), os.path.join(HERE, "pam_wrapper_driver.py")):
            shutil.copy(path, self.folder)
        self.module = os.path.join(self.folder, "pam_ssm_test.so")
        os.makedirs(os.path.join(self.folder, "services"))
        os.makedirs(os.path.join(self.folder, "etc"))
        self.write("etc/host.conf", "[Session]\nWorkerPath=/usr/bin/python3\n[Audit]\nJsonl=%s/audit.jsonl\n" % self.folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def account(self, service, *users, before=()):
        """{user: status} of a stack, as an ordinary user."""
        self.write("services/gate", service)
        command = list(before) + ["/usr/bin/python3", os.path.join(self.folder, "pam_wrapper_driver.py"), self.folder, "gate", *users]
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:", self.folder], check=True)
            command = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *command]
        shutil.rmtree(os.path.join(self.folder, "agent"), ignore_errors=True)
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LD_PRELOAD": WRAPPER, "PAM_WRAPPER": "1", "SSM_TEST_ROOT": self.folder,
                       "PAM_WRAPPER_SERVICE_DIR": os.path.join(self.folder, "services"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=environment, cwd="/", timeout=60, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_refused(self):
        self.write("etc/host.conf", "[Session]\nWorkerPath=/usr/bin/true\n")
        self.assertEqual(self.account(LINE % (self.module, "") + OTHERS, "ssm-user", "visitor", "root"),
                         {"ssm-user": PERM_DENIED, "visitor": SUCCESS, "root": SUCCESS})

    def test_let_in_past_the_expired_account(self):
        self.assertEqual(self.account(LINE % (self.module, "") + EXPIRED, "ssm-user", "visitor"),
                         {"ssm-user": SUCCESS, "visitor": ACCT_EXPIRED})

    def test_damaged(self):
        """Without the module, or with an argument that it does not know, others are as they were."""
        for line in (LINE % ("/nonexistent/pam_ssm.so", ""), LINE % ("/etc/passwd", "")):
            with self.subTest(line=line):
                self.assertEqual(self.account(line + EXPIRED, "ssm-user")["ssm-user"], ACCT_EXPIRED)
                self.assertEqual(self.account(line + OTHERS, "visitor")["visitor"], SUCCESS)
        self.assertEqual(self.account(LINE % (self.module, "require=nothing") + OTHERS, "ssm-user", "visitor"),
                         {"ssm-user": SERVICE_ERR, "visitor": SUCCESS})

    def test_nothing_is_opened_for_others(self):
        trace = os.path.join(self.folder, "trace")
        strace = ["strace", "-o", trace, "-e", "trace=open,openat,openat2,stat,newfstatat,readlink,readlinkat,socket,getpeername"]
        self.account(LINE % (self.module, "") + OTHERS, "visitor", "ssm-user", before=strace)
        with open(trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        # The rest is libpam's: it tells the kernel's audit of every phase.
        ours = re.compile(r'%s/(etc|agent|lib|run)|"/proc/[0-9]+", |NETLINK_SOCK_DIAG|getpeername' % re.escape(self.folder))

        def touched(user):
            begin = text.index('"%s/%s"' % (self.folder, user))
            return [line for line in text[begin:text.index('"%s/end"' % self.folder, begin)].splitlines() if ours.search(line)]

        self.assertEqual(touched("visitor"), [])
        self.assertGreater(len(touched("ssm-user")), 5)
