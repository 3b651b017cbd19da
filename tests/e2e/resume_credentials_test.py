"""Credentials that change while a session is open: what a lost connection then waits for, and what ends it."""

import os
import time

from lab_case import NODE_ID, LabCase, TcpPeer
from workspace import show


class ResumeCredentialsTest(LabCase):
    def setUp(self):
        super().setUp()
        self.environment = self.lab.environment(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None,
                                                AWS_SHARED_CREDENTIALS_FILE=self.work.path("credentials"))

    def write_keys(self, keys):
        """As tools do it: a new file in place of the old one."""
        lines = ["[default]"] + ["aws_%s = %s" % (name, keys[name]) for name in
                                 ("access_key_id", "secret_access_key", "session_token") if name in keys]
        self.work.write("credentials.new", "\n".join(lines) + "\n")
        self.replace_file()

    def replace_file(self):
        os.replace(self.work.path("credentials.new"), self.work.path("credentials"))

    def open_echo(self, *options, env=None):
        def serve(connection):
            while piece := connection.recv(100):
                connection.sendall(piece)
        client = self.connect(*options, NODE_ID, TcpPeer(self, serve).port, env=env or self.environment)
        self.send(client)
        self.assertEqual(client.stdout.read(1), b"x")
        return client

    def send(self, client):
        client.stdin.write(b"x")
        client.stdin.flush()

    def wait_for_line(self, *words):
        """The last line of last.log, once it holds every word."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            lines = [line for _, line in self.work.last_log()]
            if lines and all(word in lines[-1] for word in words):
                return lines[-1]
            time.sleep(0.05)
        self.fail("%s is not in the last of: %s" % (words, "\n".join(lines)))

    def goes_on_after(self, spoil, *words):
        """The session waits for a person, says so once, and goes on when all is well again."""
        self.write_keys(self.lab.info)
        client = self.open_echo()
        spoil()
        self.lab.faults(drop_client_connections=True)
        self.send(client)
        line = self.wait_for_line("cannot be resumed yet", *words)
        time.sleep(1.5)  # some more tries
        self.assertIsNone(client.poll())
        self.lab.faults(clock_offset_s=0)
        self.write_keys(self.lab.info)
        self.assertEqual(client.stdout.read(1), b"x")
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(client.stderr.read(), b"", "the terminal belongs to ssh")
        lines = [line for _, line in self.work.last_log()]
        self.assertEqual(len(lines), 3, "lost, waiting, back:\n" + "\n".join(lines))
        self.lab.wait_for_no_session()
        return line

    def test_expired_ones_are_waited_for(self):
        self.goes_on_after(lambda: self.write_keys(self.lab.info["expired"]), "expired", "renew")

    def test_wrong_ones_are_waited_for(self):
        self.goes_on_after(lambda: self.write_keys(dict(self.lab.info, secret_access_key="wrong")), "not accepted")

    def test_missing_ones_are_waited_for(self):
        self.goes_on_after(lambda: self.write_keys({}), "no credentials")

    def test_a_file_that_is_not_whole_is_waited_for(self):
        def spoil():
            self.work.write("credentials.new", "[default\naws_acc")
            self.replace_file()
        self.goes_on_after(spoil, "credentials")

    def test_a_wrong_clock_is_put_right(self):
        self.write_keys(self.lab.info)
        client = self.open_echo()
        for offset_s in (3600, -7200):
            self.lab.faults(clock_offset_s=offset_s, drop_client_connections=True)
            self.send(client)
            self.assertEqual(client.stdout.read(1), b"x")
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(client.stderr.read(), b"")
        lines = [line for _, line in self.work.last_log()]
        self.assertEqual(len(lines), 4, "twice lost and back:\n" + "\n".join(lines))
        self.lab.wait_for_no_session()

    def test_the_environment_cannot_be_renewed_and_the_line_says_so(self):
        keys = self.lab.info["temporary"]
        client = self.open_echo("--resume-timeout", "2", env=self.lab.environment(
            AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"],
            AWS_SESSION_TOKEN=keys["session_token"]))
        self.lab.faults(expire_temporary=True, drop_client_connections=True)
        self.wait_for_line("cannot be resumed yet", "environment", "connect again")
        self.assertEqual(self.wait_for_exit(client), 75)
        self.assertIn("expired", show(client.stderr.read()))

    def test_without_the_permission_to_resume_it_ends_at_once(self):
        self.write_keys(self.lab.info)
        client = self.open_echo()
        self.write_keys(self.lab.info["denied"])
        self.lab.faults(drop_client_connections=True)
        self.assertEqual(self.wait_for_exit(client), 77)
        message = show(client.stderr.read())
        self.assertIn("ssm:ResumeSession", message)
        self.assertEqual("ssm-proxy: %s\n" % self.wait_for_line("ssm:ResumeSession"), message)
