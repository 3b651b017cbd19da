"""What the pages about ssh's relatives say, done: the commands of their `sh` blocks, through what `config --install` writes. The names
in them are aliases of nodes in the lab, /srv is a directory of ours, and `ssh` and `scp` read that configuration."""

import os
import re
import shlex
import shutil
import unittest

from lab_case import LabCase
from workspace import SOURCE_DIR, program, show

ALIASES = "[alias web-1]\ntarget = node\n[alias web-2]\ntarget = node-2\n"


def blocks(page):
    """[(first line of the fence, text)]"""
    with open(os.path.join(SOURCE_DIR, "docs", page), encoding="utf-8") as file:
        return re.findall(r"^```([^\n]+)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


class UseTest(LabCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.work.write("home/.config/ssm-bridge/config", ALIASES)
        env = self.lab.environment()
        self.checked(self.work.run([program("ssm-proxy"), "config", "--install", "--host-keys", "none"], env=env))
        with open(self.config, encoding="utf-8") as file:
            below = "".join(line for line in file if "ProxyCommand" not in line)
        # db.internal stands for a machine that the jump host reaches.
        behind = "Match originalhost db.internal\n    HostName 127.0.0.1\n    HostKeyAlias ssm-lab\n"
        config = self.work.write("use_config", "Include %s\n%s%s" % (self.work.path("home", ".ssh", "config"), behind, below))
        for name in ("ssh", "scp", "sftp"):
            self.work.write("bin/" + name, "#!/bin/sh\nexec %s -F %s \"$@\"\n" % (shutil.which(name), shlex.quote(config)), 0o755)
        self.srv = self.work.make_dir("srv")
        self.desk = self.work.make_dir("desk")
        self.work.make_dir("srv", "site")
        self.work.write("srv/site/page", "of the node")
        self.work.write("desk/backup.tar", os.urandom(300000))
        self.work.make_dir("desk", "site")
        self.work.write("desk/site/page", "of the desk, later")
        self.env = dict(env, PATH="%s:%s" % (self.work.path("bin"), env["PATH"]), GIT_CONFIG_NOSYSTEM="1",
                        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.com", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.com")

    def run_page(self, page):
        """The output of its commands, which must all succeed."""
        found = blocks(page)
        scripts = [text for kind, text in found if kind == "sh"]
        self.assertTrue(scripts, page)
        for kind, text in found:
            if " " in kind:  # "ini ansible.cfg": a file of that name
                self.work.write(os.path.join("desk", kind.split()[1]), text)
        script = "\n".join(scripts).replace("/srv", self.srv)
        return show(self.checked(self.work.run(["sh", "-exc", script], 120, cwd=self.desk, env=self.env)).stdout)

    def read(self, *names):
        with open(self.work.path(*names), "rb") as file:
            return file.read()

    def test_scp(self):
        self.run_page("scp.md")
        self.assertEqual(self.read("srv", "by-sftp.tar"), self.read("desk", "backup.tar"))
        self.assertEqual(self.read("desk", "copy-of-site", "page"), b"of the node")

    def test_rsync(self):
        self.run_page("rsync.md")
        self.assertEqual(self.read("desk", "copy-of-site", "page"), b"of the desk, later")

    def test_git(self):
        self.checked(self.work.run(["git", "init", "--quiet", "--bare", os.path.join(self.srv, "repo.git")], env=self.env))
        self.run_page("git.md")
        self.assertIn(b"from here", self.checked(self.work.run(["git", "-C", os.path.join(self.desk, "clone-2"), "log"], env=self.env)).stdout)

    def test_jump(self):
        self.run_page("jump.md")
        through = self.checked(self.work.run(["ssh", "-G", "-J", "bastion", "i-0123456789abcdef0"], env=self.env)).stdout
        self.assertIn(b"proxyjump bastion", through)
        self.assertNotIn(b"proxycommand", through)

    def test_vscode(self):
        self.assertIn("ready", self.run_page("vscode.md"))

    @unittest.skipUnless(shutil.which("ansible"), "there is no Ansible here (ansible-core)")
    def test_ansible(self):
        said = self.run_page("ansible.md")
        self.assertEqual((said.count("pong"), said.count("Linux")), (2, 2), said)


if __name__ == "__main__":
    unittest.main()
