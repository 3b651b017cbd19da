"""ssm-proxy config: what real ssh makes of it, and what becomes of a person's file."""

import os
import shutil
import stat
import unittest

from lab_case import NODE_ID, LabCase
from workspace import Workspace, exit_on_signals, helper, program, show

PERSON = b"# mine\r\nHost db\n    User me\n\xff no line end"


class ConfigCase(unittest.TestCase):
    def setUp(self):
        exit_on_signals()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.person = self.work.path("home", ".ssh", "config")
        self.own = self.work.path("home", ".ssh", "ssm-bridge", "config")
        self.nodes = self.work.path("state", "ssm-bridge", "nodes")
        # Without credentials the nodes are not listed, and nobody is asked.
        self.env = self.work.environment(AWS_REGION="us-east-1")

    def config(self, *arguments, code=0, env=None, binary=None):
        completed = self.work.run([binary or program("ssm-proxy"), "config", *arguments], env=env or self.env)
        self.assertEqual(completed.returncode, code, show(completed.stderr))
        return completed

    def install(self):
        return self.config("--install", code=78)  # no credentials to list the nodes with

    def refused(self, *arguments, code, words, env=None, binary=None):
        said = show(self.config(*arguments, code=code, env=env, binary=binary).stderr)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn(words, said)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def ssh_options(self, file, *arguments):
        completed = self.work.run(["ssh", "-G", "-F", file, *arguments], env=self.env)
        self.assertEqual(completed.returncode, 0, show(completed.stderr))
        return dict(line.split(" ", 1) for line in show(completed.stdout).splitlines() if " " in line)

    def printed(self, *arguments):
        return self.work.write("printed", self.config(*arguments).stdout)


class TextTest(ConfigCase):
    def without_ssh(self):
        bare = self.work.make_dir("bare")
        if not os.listdir(bare):
            os.symlink(shutil.which("setpriv"), os.path.join(bare, "setpriv"))
        return self.config(env=dict(self.env, PATH=bare))

    def test_what_would_need_quotes(self):
        for home in ("/a b", "/a'b", '/a"b', "/a%b", "relative"):
            self.refused(code=78, words="HOME", env=dict(self.env, HOME=home))
        self.refused(code=78, words="HOME is not set", env={k: v for k, v in self.env.items() if k != "HOME"})
        for name in ("a b", "a'b", "a%b"):
            binary = self.work.path(name)
            shutil.copy(program("ssm-proxy"), binary)
            self.refused(code=78, words="ssm-proxy lies at", binary=binary)
        self.refused("--profile", "a b", code=64, words="--profile: a word")
        self.refused("--ca-bundle", "ca.pem", code=64, words="--ca-bundle: an absolute path")
        self.refused("--host", "web-*,'", code=64, words="--host takes patterns")
        self.refused("--host", "!web-*", code=64, words="--host takes patterns")
        self.refused("--install", "--uninstall", code=64, words="either")
        self.refused("other", code=64, words="one argument too many: other")
        self.refused("match", code=64, words="an argument is missing: [--] NAME")
        self.refused("--profile", "nobody", code=78, words="nobody")
        self.assertFalse(os.path.exists(os.path.dirname(self.person)))

    def test_ssh_reads_it(self):
        self.work.write("home/.config/ssm-bridge/config", "[alias db]\ntarget = web\n[alias a b]\ntarget = web\n")
        file = self.printed()  # ssh makes no directory for its sockets, and fails without
        self.assertEqual(self.ssh_options(file, NODE_ID)["controlmaster"], "false")
        os.makedirs(os.path.dirname(os.path.dirname(self.own)))
        file = self.printed("--host", "web-*,!web-9", "--region", "eu-west-1")
        claimed = "%s connect --region eu-west-1 --host-keys document -- '%%n' %%p '%%r'" % os.path.realpath(program("ssm-proxy"))
        asked = helper("ssh-answer") + " known-hosts -- %I %n %p %r %H %t %K"
        for name in (NODE_ID, "mi-0", "tag:Role=web", "db", "web-1"):
            with self.subTest(name):
                options = self.ssh_options(file, name)
                self.assertEqual(options["proxycommand"], claimed)
                self.assertEqual(options["knownhostscommand"], asked)
                self.assertEqual(options["userknownhostsfile"], self.work.path("home", ".ssh", "ssm-bridge", "known_hosts"))
                self.assertEqual([options[key] for key in ("controlmaster", "serveraliveinterval", "serveralivecountmax",
                                                           "connecttimeout", "compression")],
                                 ["auto", "60", "20", "75", "yes"])
                self.assertRegex(options["controlpath"], "^%s/[0-9a-f]{40}$" % os.path.dirname(os.path.dirname(self.own)))
        os.makedirs(os.path.dirname(self.own))  # as --install does
        file = self.printed()
        self.assertRegex(self.ssh_options(file, NODE_ID)["controlpath"], "^%s/[0-9a-f]{40}$" % os.path.dirname(self.own))
        file = self.printed("--host", "web-*,!web-9", "--region", "eu-west-1")
        for name in ("web-9", "other", "example.com", "i-a!b"):
            with self.subTest(name):
                self.assertNotIn("proxycommand", self.ssh_options(file, name))

    def test_keys(self):
        """ssh has the key made before it reads the files: `ssh -G` does that, too."""
        for arguments, words in ((("--key", "always"), "--key: neither none nor auto"), (("--agent",), "are about the key of --key"),
                                 (("--key=none", "--lifetime=900"), "are about the key of --key"),
                                 (("--key=auto", "--lifetime=1"), "--lifetime: not a number of seconds")):
            self.refused(*arguments, code=64, words=words)
        self.refused("--key=auto", code=78, words="keys are kept in", env=dict(self.env, XDG_STATE_HOME=self.work.path("a b")))
        keys = self.work.path("state", "ssm-bridge", "keys")
        text = self.config("--key=none").stdout
        self.assertNotIn(b"Identit", text)
        self.assertNotIn(b"key ensure", text)
        file = self.printed("--host", "web-*", "--key=instance-connect", "--lifetime=3600")
        self.assertNotIn("identityfile " + keys, show(self.work.run(["ssh", "-G", "-F", file, "other"], env=self.env).stdout))
        self.assertFalse(os.path.exists(keys))
        for name in (NODE_ID, "web-1"):
            said = show(self.work.run(["ssh", "-G", "-F", file, name], env=self.env).stdout)
            for line in ("identityfile %s/key-1\nidentityfile %s/key-2\n" % (keys, keys), "\nidentitiesonly yes\n",
                         " connect --key instance-connect --lifetime 3600 --host-keys document -- "):
                self.assertIn(line, said)
        start, end = self.read(os.path.join(keys, "key-1")).split()[-2:]
        self.assertEqual(int(end) - int(start), 3600)
        # Whatever becomes of the key, the name is a node's.
        os.chmod(keys, 0o777)
        done = self.work.run(["ssh", "-G", "-F", file, NODE_ID], env=self.env)
        self.assertIn(b"must be yours, and writable by nobody else", done.stderr)
        self.assertIn(b" connect --key instance-connect --lifetime 3600 --host-keys document -- ", done.stdout)

    def test_where_host_keys_come_from(self):
        self.refused("--host-keys", "file", code=64, words="--host-keys: document, console or none, not file")
        self.assertIn(b" --host-keys console -- ", self.config("--host-keys", "console").stdout)
        for text in (self.config("--host-keys", "none").stdout, self.without_ssh().stdout):
            for word in (b"--host-keys", b"KnownHosts", b"UserKnown"):
                self.assertNotIn(word, text)
        self.assertIn(b"no KnownHostsCommand", self.without_ssh().stderr)

    def test_too_long_a_path_for_a_socket(self):
        home = self.work.make_dir("home", "l" * 60)
        completed = self.config(env=dict(self.env, HOME=home))
        self.assertNotIn(b"Control", completed.stdout)
        self.assertIn(b"no ControlMaster", completed.stderr)

    def test_tags_where_ssh_knows_them(self):
        self.assertNotIn(b"tagged", self.without_ssh().stdout)
        self.work.write("aws_config", "[profile prod]\nregion = eu-west-1\n[profile a b]\nregion = eu-west-1\n")
        env = dict(self.env, AWS_CONFIG_FILE=self.work.path("aws_config"),
                   PATH="%s:%s" % (self.work.make_dir("bin"), self.env["PATH"]))
        for answer, is_known in (("echo 'host x'; echo 'tag ssm'; echo 'user y'", True), ("echo 'host x'", False),
                                 ("echo 'host x'; echo 'tag ssm'; echo; exit 1", False)):
            self.work.write("bin/ssh", "#!/bin/sh\n%s\n" % answer, mode=0o755)
            text = show(self.config(env=env).stdout)
            self.assertEqual("Match tagged ssm-prod " in text, is_known, text)
            self.assertEqual(text.count("Match tagged"), is_known)
        self.assertNotIn(b"tagged", self.config("--profile", "prod", env=env).stdout)


class MatchTest(ConfigCase):
    def match(self, name):
        """What ssh-answer says; ssm-proxy says the same."""
        both = [self.work.run([binary, "config", "match", "--", name], env=self.env) for binary in (helper("ssh-answer"), program("ssm-proxy"))]
        self.assertEqual(*((completed.returncode, completed.stdout, completed.stderr) for completed in both))
        return both[0]

    def test_ssh_asks_the_quick_one(self):
        command = '%s config match -- \'%%n\'"'
        self.assertIn(' exec "' + command % helper("ssh-answer"), show(self.config().stdout))
        alone = self.work.path("ssm-proxy")
        shutil.copy(program("ssm-proxy"), alone)
        self.assertIn(' exec "' + command % alone, show(self.config(binary=alone).stdout))

    def test_answers_from_the_file(self):
        self.assertEqual(self.match("web-1").returncode, 1)  # no file
        self.work.write("state/ssm-bridge/nodes", "db\nweb-1\n$(id)\n")
        for name, code in (("web-1", 0), ("db", 0), ("web", 1), ("WEB-1", 1), ("$(id)", 1), ("", 1), ("--help", 1), ("a/b", 1)):
            with self.subTest(name):
                completed = self.match(name)
                self.assertEqual((completed.returncode, completed.stdout, completed.stderr), (code, b"", b""))

    def test_names_are_data_to_the_shell_of_ssh(self):
        """Every name that ssh lets through: a shell runs none, and only a kept one is ours."""
        self.work.write("state/ssm-bridge/nodes", "web-1\n")
        file = self.printed()
        self.assertIn("proxycommand", self.ssh_options(file, "web-1"))
        trap = self.work.path("trap")
        for name in ("$(touch %s)", "`touch %s`", "a;touch %s;", "a'$(touch %s)'", "a|touch %s", "a\\'$(touch %s)'", "*", "web-?",
                     "a&touch %s", "!$(touch %s)", "i-$(touch %s)", "i-'$(touch %s)'"):
            self.work.run(["ssh", "-G", "-F", file, name.replace("%s", trap)], env=self.env)
            self.work.run(["ssh", "-G", "-F", file, "-l", name.replace("%s", trap), "web-1"], env=self.env)
            self.assertFalse(os.path.exists(trap), name)
        self.assertNotIn("proxycommand", self.ssh_options(file, "web-?"))

    def test_the_line_itself_is_safe_in_a_shell(self):
        """What ssh before 9.6 would do: it puts any name that the patterns let through between the quotes."""
        self.work.write("state/ssm-bridge/nodes", "web-1\n")
        text = show(self.config().stdout)
        command = text.split(' exec "', 1)[1].split('"', 1)[0]
        for pattern in ("!*'*", "!*\\*", "!*!*"):
            self.assertEqual(text.count(pattern), text.count("Match ") + (pattern == "!*'*") * text.count("Match "), pattern)
        trap = self.work.path("trap")
        for shell in ("/bin/sh", "/bin/bash"):
            for name in ("$(touch %s)", "`touch %s`", ";touch %s;", "|touch %s", "\"$(touch %s)\"", "\n touch %s\n", "*", "{a,b}"):
                line = command.replace("%n", name.replace("%s", trap))
                self.assertEqual(self.work.run([shell, "-c", line], env=self.env).returncode, 1, line)
                self.assertFalse(os.path.exists(trap), line)
            self.assertEqual(self.work.run([shell, "-c", command.replace("%n", "web-1")], env=self.env).returncode, 0)


class InstallTest(ConfigCase):
    def write_person(self, content=PERSON, mode=0o640):
        return self.work.write("home/.ssh/config", content, mode)

    def include(self):
        return b"Include %s\n" % self.own.encode()

    def mode(self, path):
        return stat.S_IMODE(os.stat(path).st_mode)

    def test_in_again_and_out(self):
        self.write_person()
        self.install()
        first = self.read(self.own)
        self.assertEqual(self.read(self.person), self.include() + PERSON)
        self.assertEqual(self.read(self.person + ".before-ssm-bridge"), PERSON)
        self.assertEqual([self.mode(path) for path in (self.person, self.person + ".before-ssm-bridge", self.own,
                                                       os.path.dirname(self.own))], [0o640, 0o640, 0o600, 0o700])
        inode = os.stat(self.person).st_ino
        self.install()
        self.assertEqual((self.read(self.person), os.stat(self.person).st_ino), (self.include() + PERSON, inode))
        self.assertEqual(self.read(self.own), first)
        self.assertEqual(self.read(self.person + ".before-ssm-bridge"), PERSON)
        self.config("--uninstall")
        self.assertEqual((self.read(self.person), self.mode(self.person)), (PERSON, 0o640))
        self.assertFalse(os.path.exists(os.path.dirname(self.own)))
        self.config("--uninstall")
        self.assertEqual(self.read(self.person), PERSON)

    def test_without_a_file(self):
        self.install()
        self.assertEqual((self.read(self.person), self.mode(self.person)), (self.include(), 0o600))
        self.assertEqual(self.mode(os.path.dirname(self.person)), 0o700)
        options = self.ssh_options(self.person, NODE_ID)
        self.assertIn(" connect --host-keys document -- '%n' %p '%r'", options["proxycommand"])
        self.config("--uninstall")
        self.assertEqual(self.read(self.person), b"")

    def test_a_link_stays_one(self):
        real = self.work.write("dotfiles/ssh_config", PERSON, 0o644)
        self.work.make_dir("home", ".ssh")
        os.symlink("../../dotfiles/ssh_config", self.person)
        self.install()
        self.assertTrue(os.path.islink(self.person))
        self.assertEqual((self.read(real), self.mode(real)), (self.include() + PERSON, 0o644))
        self.assertEqual(os.listdir(os.path.dirname(real)), ["ssh_config"])
        self.config("--uninstall")
        self.assertEqual((self.read(real), os.path.islink(self.person)), (PERSON, True))

    def test_files_that_are_no_files(self):
        self.work.make_dir("home", ".ssh")
        os.symlink("nothing", self.person)
        said = show(self.install().stderr)
        self.assertIn("is a link to nothing", said)
        self.assertTrue(os.path.islink(self.person))
        os.unlink(self.person)
        os.mkfifo(self.person)
        self.assertIn("is not a file", show(self.install().stderr))
        os.unlink(self.person)
        self.write_person()
        os.link(self.person, self.person + "2")
        self.assertIn("hard links", show(self.install().stderr))
        self.assertEqual(self.read(self.person), PERSON)

    def test_dry_run(self):
        self.write_person()
        before = sorted(os.walk(self.work.home))
        text = self.config("--install", "--dry-run").stdout
        self.config("--uninstall", "--dry-run")
        self.assertEqual(sorted(os.walk(self.work.home)), before)
        self.assertEqual(self.read(self.person), PERSON)


class NodesTest(LabCase):
    def test_ssh_knows_the_names(self):
        self.start_node()
        env = self.lab.environment(PATH=os.environ["PATH"])
        completed = self.work.run([program("ssm-proxy"), "config", "--install", "--host-keys", "none"], env=env)
        self.assertEqual(completed.returncode, 0, show(completed.stderr))
        with open(self.work.path("state", "ssm-bridge", "nodes"), encoding="utf-8") as file:
            names = file.read().splitlines()
        self.assertIn("node", names)
        self.assertIn("hybrid", names)
        self.assertEqual(names, sorted(set(names)))
        with open(self.config, encoding="utf-8") as file:
            own = file.read().replace("ProxyCommand", "#")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("Include %s\n%s" % (self.work.path("home", ".ssh", "config"), own))
        for name in ("node", NODE_ID, "tag:Role=web"):
            self.assertEqual(self.ssh_output("echo", "here", target=name, env=env), "here\n")
        self.lab.wait_for_no_session()


if __name__ == "__main__":
    unittest.main()
