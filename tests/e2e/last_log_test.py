"""last.log: what went wrong, for whoever did not see standard error."""

import os
import stat

from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase, TcpPeer
from workspace import program, show


class LastLogTest(LabCase):
    def hello(self):
        return TcpPeer(self, lambda connection: connection.sendall(b"hello")).port

    def test_a_failure_is_kept_as_it_was_said(self):
        done = self.run_connect(OFFLINE_NODE_ID)
        (pid, words), = self.work.last_log()
        self.assertEqual("ssm-proxy: %s\n" % words, show(done.stderr))
        self.assertIn(OFFLINE_NODE_ID, words)
        self.assertGreater(pid, 1)
        path = os.path.join(self.work.state, "ssm-bridge", "last.log")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)

    def test_a_wrong_command_line_is_kept(self):
        done = self.work.run([program("ssm-proxy"), "connect", "--no-such-option", "node"], env=self.lab.environment())
        self.assertEqual(done.returncode, 64)
        self.assertIn("--no-such-option", self.work.last_log()[0][1])

    def test_nothing_is_written_when_all_is_well(self):
        self.checked(self.run_connect("--debug", NODE_ID, self.hello()))
        self.assertEqual(self.work.last_log(), [])

    def test_words_of_a_peer_stay_on_their_line(self):
        self.lab.faults(stream_url="wss://127.0.0.1/\x1b[2J\n2026-01-01T00:00:00Z 1 forged")
        self.run_connect(NODE_ID)
        self.assertEqual(len(self.work.last_log()), 1)

    def test_no_secret_is_kept(self):
        keys = self.lab.info["temporary"]
        self.run_connect(NODE_ID, env=self.lab.environment(
            AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY="wrong-secret", AWS_SESSION_TOKEN=keys["session_token"]))
        (_, words), = self.work.last_log()
        self.assertNotIn("wrong-secret", words)
        self.assertNotIn(keys["session_token"], words)

    def test_a_place_that_cannot_be_written_changes_nothing(self):
        expected = self.run_connect(OFFLINE_NODE_ID)
        victim = self.work.write("victim", "as it was")
        path = os.path.join(self.work.state, "ssm-bridge", "last.log")
        os.unlink(path)
        os.symlink(victim, path)
        places = {"a symbolic link": {}, "below a file": {"XDG_STATE_HOME": victim}, "nowhere": {"XDG_STATE_HOME": None, "HOME": None}}
        for name, settings in places.items():
            with self.subTest(name):
                done = self.run_connect(OFFLINE_NODE_ID, env=self.lab.environment(**settings))
                self.assertEqual((done.returncode, done.stderr), (expected.returncode, expected.stderr))
        with open(victim, encoding="utf-8") as file:
            self.assertEqual(file.read(), "as it was")

    def test_a_loss_and_its_end_are_kept(self):
        def serve(connection):
            while piece := connection.recv(100):
                connection.sendall(piece)
        client = self.connect(NODE_ID, TcpPeer(self, serve).port)
        for cut in (False, True):
            if cut:
                self.lab.faults(drop_client_connections=True)
            client.stdin.write(b"x")
            client.stdin.flush()
            self.assertEqual(client.stdout.read(1), b"x")
        client.stdin.close()
        client.stdout.close()
        self.assertEqual(self.wait_for_exit(client), 0)
        self.assertEqual(client.stderr.read(), b"", "the terminal belongs to ssh")
        words = [words for _, words in self.work.last_log()]
        self.assertEqual(len(words), 2, words)
        self.assertRegex(words[0], "^%s port [0-9]+: connection lost: .+; resuming" % NODE_ID)
        self.assertRegex(words[1], "^%s port [0-9]+: resumed after [0-9]+.[0-9] s" % NODE_ID)
