"""ssm-proxy shell where the session document has a KMS key: what passes is encrypted with a data key, or nothing passes."""

import json
import os
import subprocess

from lab_case import NODE_ID, TcpPeer
from shell_test import COMMAND, INTERACTIVE, ShellCase, apart
from workspace import show

AWS = "/usr/bin/aws"
PREFERENCES = "SSM-SessionManagerRunShell"
SAID = "ssm-proxy: This session is encrypted using AWS KMS.\n"


class ShellKmsTest(ShellCase):
    def setUp(self):
        super().setUp()
        if not os.access(AWS, os.X_OK):
            self.skipTest("the package awscli is not installed")
        self.keys = self.lab.info["kms"]

    def encrypt(self, key, name=PREFERENCES, session_type="Standard_Stream"):
        """Preferences, or a document, that say so."""
        content = {"schemaVersion": "1.0", "sessionType": session_type, "inputs": {"kmsKeyId": key}}
        self.checked(self.work.run([AWS, "ssm", "create-document", "--name", name, "--document-type", "Session", "--content",
                                    json.dumps(content), "--endpoint-url", self.lab.info["api_url"], "--no-cli-pager"],
                                   env=self.lab.environment()))

    def refused(self, status, *arguments, **options):
        """The one line on standard error; nothing has come from the node."""
        text, errors = self.output_of(*arguments, status=status, input=b"echo secret\n", **options)
        self.assertEqual((text, errors.count("\n")), ("", 1), errors)
        self.lab.wait_for_no_session()
        return errors

    def test_encrypted_sessions(self):
        """With the agent that wants both challenges, and with one that wants one."""
        self.encrypt(self.keys["lab-sessions"]["alias"])
        for wanted in (True, False):
            self.lab.faults(require_kms_challenge=wanted)
            text, errors = self.output_of(input=b"echo $((6 * 7))\n")
            self.assertIn("42\r\n", text)
            self.assertEqual(errors, SAID)
        self.assertEqual(self.output_of(*COMMAND, apart("sh -c 'echo out; echo err >&2; exit 7'"), status=7), ("out\n", SAID + "err\n"))
        text, _ = self.output_of(*COMMAND, apart("seq 5000"))
        self.assertEqual(text, "".join("%d\n" % number for number in range(1, 5001)))
        text, _ = self.output_of(*INTERACTIVE, "command=cat", input=b"x" * 3000 + b"\n")
        self.assertEqual(text, 2 * ("x" * 3000 + "\r\n"))
        self.lab.wait_for_no_session()

    def test_a_person(self):
        """Whose connection is lost in the middle."""
        self.encrypt(self.keys["lab-sessions"]["arn"])
        process, master, before = self.start_in_terminal()
        self.read_until(master, b"# " if os.geteuid() == 0 else b"$ ")
        for _ in range(2):
            os.write(master, b"echo $((6 * 7))\r")
            self.lab.faults(drop_client_connections=True)
            self.read_until(master, b"42\r\n")
        os.write(master, b"exit\r")
        self.expect_end(process, master, before, 0)

    def test_a_key_that_cannot_be_had(self):
        """And nothing is said in the clear instead."""
        key = self.keys["lab-sessions"]
        self.encrypt(key["arn"])
        allowed = {"Effect": "Allow", "Action": ["ssm:StartSession", "ssm:TerminateSession"], "Resource": "*"}
        nobody = self.lab.environment(**self.lab.issue_key("nobody", allowed))
        said = self.refused(77, env=nobody, target=NODE_ID)
        self.assertIn("%s shell: access denied: no data key of KMS key %s: AccessDeniedException: " % (NODE_ID, key["arn"]), said)
        self.assertIn("you need kms:GenerateDataKey on that key", said)
        self.assertIn("KMS", self.refused(75, env=self.lab.environment(AWS_ENDPOINT_URL_KMS="https://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")))
        self.lab.faults(calls=[{"action": "kms:GenerateDataKey", "answer": "cut"}])
        self.assertIn("no data key of KMS key", self.refused(76, env=self.lab.environment(AWS_MAX_ATTEMPTS="1")))

    def test_keys_that_do_not_serve(self):
        for name, status, words in (("lab-disabled", 78, "DisabledException"), ("lab-denied-to-nodes", 69, "AccessDeniedException")):
            self.encrypt(self.keys[name]["arn"], name)
            self.assertIn(words, self.refused(status, "--document-name", name))
        self.encrypt("alias/nowhere", "nowhere")
        self.assertIn("NotFoundException", self.refused(78, "--document-name", "nowhere"))

    def test_a_session_for_ssh_is_not_concerned(self):
        self.encrypt(self.keys["lab-disabled"]["arn"])
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        done = self.run_connect("node", peer.port, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, show(done.stdout), show(done.stderr)), (0, "hello", ""))
