"""ssm-proxy key: short-lived keys in two slots, and in ssh-agent."""

import base64
import fcntl
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time
import unittest

from workspace import Workspace, exit_on_signals, helper, program, show

RECORD = re.compile(r"^# ssm-bridge-key 1 (file|agent) (\d+) (\d+)\n\Z", re.MULTILINE)


class KeyCase(unittest.TestCase):
    def setUp(self):
        exit_on_signals()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.keys = self.work.path("state", "ssm-bridge", "keys")
        self.env = self.work.environment()

    def path(self, slot):
        return os.path.join(self.keys, "key-%d" % slot)

    def ensure(self, *arguments, code=0, env=None, binary=None):
        done = self.work.run([binary or program("ssm-proxy"), "key", "ensure", *arguments], env=env or self.env)
        self.assertEqual(done.returncode, code, show(done.stderr))
        return done

    def ensured(self, *arguments, **options):
        """The slot whose path is printed, and nothing else is."""
        done = self.ensure(*arguments, **options)
        self.assertEqual(done.stderr, b"")
        for slot in (1, 2):
            if done.stdout == (self.path(slot) + "\n").encode():
                return slot
        self.fail("printed %r" % done.stdout)

    def refused(self, *arguments, code, words, **options):
        done = self.ensure(*arguments, code=code, **options)
        said = show(done.stderr)
        self.assertEqual((done.stdout, said.count("\n")), (b"", 1), said)
        self.assertIn(words, said)

    def read(self, slot):
        with open(self.path(slot), encoding="ascii") as file:
            return file.read()

    def age(self, slot, seconds):
        """As if the key had been made so long ago."""
        text = self.read(slot)
        kind, start, end = RECORD.search(text).groups()
        with open(self.path(slot), "w", encoding="ascii") as file:
            file.write(RECORD.sub("# ssm-bridge-key 1 %s %d %d\n" % (kind, int(start) - seconds, int(end) - seconds), text))

    def tree(self, command):
        """An installation of its own, whose ssh-helper runs a shell's command first. Gives the paths of both."""
        for folder in ("bin", "libexec/ssm-bridge"):
            self.work.make_dir("tree", folder)
        binary = self.work.path("tree/bin/ssm-proxy")
        shutil.copy(program("ssm-proxy"), binary)
        text = "#!/bin/sh\n%s\nexec '%s' \"$@\"\n" % (command, helper("ssh-helper"))
        return binary, self.work.write("tree/libexec/ssm-bridge/ssh-helper", text, mode=0o755)

    def hold(self, name):
        """A shared lock, as a login has it; the file is to be closed."""
        file = open(os.path.join(self.keys, name), "w", encoding="ascii")
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_SH)
        return file


class EnsureTest(KeyCase):
    def test_refuses(self):
        self.refused("more", code=64, words="more")
        for lifetime in ("0", "899", "604801", "12h", "-1"):
            self.refused("--lifetime=" + lifetime, code=64, words="--lifetime: not a number of seconds from 900 to 604800")
        self.refused("--region=eu-west-1", code=64, words="--region")
        self.refused(code=78, words="no place for keys", env={k: v for k, v in self.env.items() if k not in ("HOME", "XDG_STATE_HOME")})
        self.refused("--agent", code=78, words="SSH_AUTH_SOCK is not set")
        self.refused("--agent", code=78, words="no ssh-agent answers", env=dict(self.env, SSH_AUTH_SOCK=self.work.path("nobody")))
        os.chmod(self.keys, 0o770)
        self.refused(code=78, words="must be yours, and writable by nobody else")

    def test_a_key_that_openssh_takes(self):
        done = self.work.run(["sh", "-c", "umask 000; exec '%s' key ensure" % program("ssm-proxy")], env=self.env)
        self.assertEqual((done.returncode, show(done.stdout)), (0, self.path(1) + "\n"), show(done.stderr))
        for path, mode in ((self.keys, 0o700), (self.path(1), 0o600)):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
        public = show(self.work.run(["ssh-keygen", "-yf", self.path(1)]).stdout)
        self.assertTrue(public.startswith("ssh-ed25519 AAAA"), public)
        kind, start, end = RECORD.search(self.read(1)).groups()
        self.assertEqual((kind, int(end) - int(start)), ("file", 12 * 3600))
        self.assertLess(abs(time.time() - int(start)), 600)
        before = self.read(1)
        self.assertEqual([self.ensured(), self.ensured("--lifetime=86400")], [1, 1])
        self.assertEqual(self.read(1), before)

    def test_two_slots_in_turn(self):
        self.assertEqual(self.ensured(), 1)
        first = self.read(1)
        self.age(1, 12 * 3600 - 700)
        self.assertEqual(self.ensured(), 1)
        self.age(1, 100)  # ten minutes are left
        self.assertEqual(self.ensured(), 2)
        self.assertEqual(RECORD.sub("", self.read(1)), RECORD.sub("", first))  # logins go on with it
        self.age(1, 600)
        self.assertEqual(self.ensured(), 2)
        self.age(2, 12 * 3600)
        login = self.hold("lock-1")
        self.refused(code=75, words="logins that use the key before are under way")
        self.age(2, -120)  # it is good for two minutes yet
        before = self.read(1), self.read(2)
        self.assertEqual(self.ensured(), 2)
        self.assertEqual((self.read(1), self.read(2)), before)
        login.close()
        self.assertEqual(self.ensured(), 1)
        self.assertNotEqual(RECORD.sub("", self.read(1)), RECORD.sub("", first))

    def test_what_is_no_key_counts_as_none(self):
        for text in ("", "x", "# ssm-bridge-key 1 file 1 2\n", "\0" * 100):
            self.work.write(os.path.relpath(self.path(1), self.work.dir), text)
            self.assertEqual(self.ensured(), 1)
            self.assertIn("BEGIN OPENSSH PRIVATE KEY", self.read(1))
        exposed = self.read(1)
        os.chmod(self.path(1), 0o640)  # ssh would not log in with it
        self.assertEqual(self.ensured(), 1)
        self.assertNotEqual(self.read(1), exposed)
        self.assertEqual(stat.S_IMODE(os.stat(self.path(1)).st_mode), 0o600)
        os.remove(self.path(1))
        os.mkdir(self.path(1))
        self.refused(code=71, words="key-1 cannot be read: it is no file of yours that could be a key")

    def test_many_at_once(self):
        """One of them makes a key, for all of them."""
        binary, made = self.tree('echo >>"$0.made"')
        running = [self.work.start([binary, "key", "ensure"], env=self.env, stdout=subprocess.PIPE) for _ in range(20)]
        printed = {process.communicate(timeout=60)[0] for process in running}
        self.assertEqual(printed, {(self.path(1) + "\n").encode()})
        self.assertEqual([process.returncode for process in running], [0] * len(running))
        self.assertEqual(sorted(os.listdir(self.keys)), ["key-1", "lock", "lock-1"])
        self.assertEqual(os.path.getsize(made + ".made"), 1)

    def test_the_helper_stands_beside_us(self):
        for folder in ("bin", "libexec/ssm-bridge", "elsewhere"):
            self.work.make_dir("tree", folder)
        moved, beside = self.work.path("tree/bin/ssm-proxy"), self.work.path("tree/libexec/ssm-bridge/ssh-helper")
        shutil.copy(program("ssm-proxy"), moved)
        shutil.copy(helper("ssh-helper"), self.work.path("tree/elsewhere/ssh-helper"))
        in_path = dict(self.env, PATH="%s:%s" % (self.work.path("tree/elsewhere"), self.env["PATH"]))
        self.refused(code=71, words="libexec/ssm-bridge/ssh-helper, which belongs to ssm-proxy, cannot be run", binary=moved, env=in_path)
        os.rename(self.work.path("tree/elsewhere/ssh-helper"), beside)
        os.symlink(moved, self.work.path("tree/elsewhere/ssm-proxy"))
        self.assertEqual(self.ensured(binary=self.work.path("tree/elsewhere/ssm-proxy")), 1)
        os.remove(self.path(1))
        for text, words in (("#!/bin/sh\necho no >&2\nexit 3\n", "ended with exit status 3"), ("#!/bin/sh\necho none\n", "printed no key")):
            self.work.write("tree/libexec/ssm-bridge/ssh-helper", text, mode=0o755)
            done = self.ensure(code=71, binary=moved)
            self.assertIn(words, show(done.stderr))
            self.assertFalse(os.path.exists(self.path(1)))


class SecretTest(KeyCase):
    def test_the_private_half_stays_in_its_file(self):
        """Not in what is said or logged, in what programs are started with, or in a core file."""
        record = self.work.path("record")
        binary, _ = self.tree("{ cat /proc/$$/cmdline /proc/$$/environ; ulimit -c; } >'%s'" % record)
        done = self.ensure("--debug", binary=binary)
        with open(record, "rb") as file:
            recorded = file.read()
        self.assertIn(b"keygen\0", recorded)
        self.assertTrue(recorded.endswith(b"\n0\n") or recorded.endswith(b"\x000\n"), "a core file of ssh-helper is possible")
        body = re.search("KEY-----\n(.*?)\n-----END", self.read(1), re.DOTALL).group(1).replace("\n", "")
        private = base64.b64decode(body)[-100:]
        shown = self.work.run([program("ssm-proxy"), "connect", "--debug", "--key=auto", "--region=us-east-1", "--connect-timeout=1", "--",
                               "i-0123456789abcdef0", "22", "admin"], env=dict(self.env, AWS_ENDPOINT_URL="https://127.0.0.1:1",
                               AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y"))
        self.assertNotEqual(shown.returncode, 0)
        found = [done.stdout, done.stderr, shown.stdout, shown.stderr, recorded]
        for folder, _, names in os.walk(self.work.dir):
            for name in names:
                if os.path.join(folder, name) != self.path(1):
                    with open(os.path.join(folder, name), "rb") as file:
                        found.append(file.read())
        for text in found:
            self.assertNotIn(body[-100:-20].encode(), text)
            self.assertNotIn(private[20:40], text)


class AgentTest(KeyCase):
    def setUp(self):
        super().setUp()
        self.env = self.start_agent("agent")

    def start_agent(self, name):
        path = self.work.path(name)
        self.work.start(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        for _ in range(600):
            if os.path.exists(path):
                return self.work.environment(SSH_AUTH_SOCK=path)
            time.sleep(0.05)
        self.fail("ssh-agent does not start")

    def listed(self, env=None):
        return show(self.work.run(["ssh-add", "-L"], env=env or self.env).stdout).splitlines()

    def test_a_key_in_the_agent(self):
        self.assertEqual(self.ensured("--agent", "--lifetime=900"), 1)
        public = self.read(1).splitlines()[0]
        self.assertEqual([line.rsplit(" ", 1) for line in self.listed()], [[public, "ssm-bridge"]])
        self.assertNotIn("PRIVATE", self.read(1))
        self.assertEqual([self.ensured("--agent", "--lifetime=900"), len(self.listed())], [1, 1])
        fingerprint = show(self.work.run(["ssh-keygen", "-lf", self.path(1)]).stdout).split()[1]
        self.assertIn(fingerprint, show(self.work.run(["ssh-add", "-l"], env=self.env).stdout))
        # Another agent has another key; the first one's stays.
        other = self.start_agent("other")
        self.assertEqual(self.ensured("--agent", env=other), 2)
        self.assertEqual([self.ensured("--agent", "--lifetime=900"), self.ensured("--agent", env=other)], [1, 2])
        self.assertEqual((len(self.listed()), len(self.listed(other))), (1, 1))

    def test_an_agent_that_has_lost_it(self):
        self.ensured("--agent")
        self.work.run(["ssh-add", "-D"], env=self.env)
        self.assertEqual(self.ensured("--agent"), 2)
        self.assertEqual([line.split()[1] for line in self.listed()], [self.read(2).split()[1]])

    def answering(self, *answers):
        """An agent that gives these answers, one a connection; what it was asked comes into the list."""
        asked = []
        path = self.work.path("answering-%d" % len(os.listdir(self.work.dir)))
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen()

        def serve():
            for answer in answers:
                connection = server.accept()[0]
                with connection, connection.makefile("rb") as stream:
                    asked.append(stream.read(int.from_bytes(stream.read(4), "big")))
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return asked, self.work.environment(SSH_AUTH_SOCK=path)

    def test_what_the_agent_is_told_and_says(self):
        none, taken = b"\0\0\0\5\x0c\0\0\0\0", b"\0\0\0\1\6"
        for answers in ((b"",), (b"\0\0\0\0",), (b"\xff\xff\xff\xff",), (b"\0\0\0\5\x0c\0\0\0\1",), (none, none, none)):
            with self.subTest(answers):
                self.refused("--agent", code=76, words="no answer that makes sense", env=self.answering(*answers)[1])
                self.assertFalse(os.path.exists(self.path(1)))
        for answers, words in (((b"\0\0\0\1\5",), "does not say which keys it has"), ((none, b"\0\0\0\1\5"), "does not take the key")):
            with self.subTest(answers):
                self.refused("--agent", code=77, words=words, env=self.answering(*answers)[1])
                self.assertFalse(os.path.exists(self.path(1)))
        asked, env = self.answering(none, taken)
        self.assertEqual(self.ensured("--agent", "--lifetime=1234", env=env), 1)
        self.assertEqual((asked[0], asked[1][0]), (b"\x0b", 25))
        self.assertEqual(asked[1][-5:], b"\1" + (1234).to_bytes(4, "big"))  # a constraint: the lifetime

    def test_an_agent_that_refuses(self):
        self.assertEqual(self.work.run(["ssh-add", "-x"], env=dict(self.env, SSH_ASKPASS=self.askpass(), SSH_ASKPASS_REQUIRE="force")).returncode, 0)
        self.refused("--agent", code=77, words="ssh-agent does not take the key (is it locked?)")
        self.assertFalse(os.path.exists(self.path(1)))
        self.assertEqual(self.ensured(), 1)  # a file does without

    def askpass(self):
        return self.work.write("askpass", "#!/bin/sh\necho word\n", mode=0o755)
