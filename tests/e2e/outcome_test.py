"""From nothing to a login: a region in the settings, `ssm-proxy config --install`, `ssh NAME`. No key made by hand, no question
about a host key, no permission but for our two documents."""

import json
import os

from host_keys_test import HostKeysCase
from lab_case import NODE_ID
from workspace import SOURCE_DIR, program, show

DOCUMENTS = ("ssm-bridge-accept-key", "ssm-bridge-host-keys")

# What `ssh` reads in place of ~/.ssh/config, which is that of whoever runs this. No key, no known host, no region.
PERSON = """\
Include {include}
Host *
    User {user}
    IdentityAgent none
    BatchMode yes
    GlobalKnownHostsFile /dev/null
    LogLevel ERROR
"""


class OutcomeTest(HostKeysCase):
    def setUp(self):
        super().setUp()
        for name in DOCUMENTS:
            with open(os.path.join(SOURCE_DIR, "sshd-config", "ssm-documents", name + ".json"), encoding="utf-8") as file:
                self.ssm.create_document(Name=name, Content=file.read(), DocumentType="Command")
        sessions = ["ssm:StartSession", "ssm:TerminateSession", "ssm:ResumeSession", "ssm:GetCommandInvocation",
                    "ssm:DescribeInstanceInformation", "ec2:DescribeInstances"]
        documents = ["arn:aws:ssm:*:*:document/" + name for name in DOCUMENTS]
        self.env = dict(self.env, **self.lab.issue_key(
            "engineer", {"Effect": "Allow", "Action": sessions, "Resource": "*"},
            {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": [*documents, "arn:aws:ec2:*:*:instance/*"]}))

    def test_install_and_ssh(self):
        self.work.write(self.first.name + "/authorized_keys", "")
        said = self.checked(self.work.run([program("ssm-proxy"), "config", "--install", "--key", "send-command"], env=self.env))
        self.assertEqual(show(said.stdout), "")
        self.config = self.work.write("person", PERSON.format(
            include=self.work.path("home", ".ssh", "ssm-bridge", "config"), user=self.first.user))
        for _ in range(2):
            self.assert_in("node")
        self.assertEqual(os.listdir(self.work.path("home", ".ssh", "ssm-bridge")), ["config"])
        self.lab.wait_for_no_session()

    def test_nothing_else_can_be_run(self):
        for document in ("AWS-RunShellScript", "AWS-UpdateSSMAgent"):
            done = self.work.run([program("ssm-proxy"), "run", "--document-name", document, NODE_ID, "--", "id"], env=self.env)
            self.assert_refused(done, 77, "not authorized", document)

    def test_doctor_looks_for_the_documents(self):
        for env, status in ((self.lab.environment(), "passed"), (self.env, "skipped")):
            done = self.work.run([program("ssm-proxy"), "doctor", "--json"], env=env)
            found = {check["Subject"]: check["Status"] for check in json.loads(done.stdout) if check["Check"] == "document"}
            self.assertEqual(found, dict.fromkeys(reversed(DOCUMENTS), status))
        self.ssm.delete_document(Name=DOCUMENTS[0])
        done = self.work.run([program("ssm-proxy"), "doctor"], env=self.lab.environment())
        self.assertRegex(show(done.stdout), r"warn  document      %s: InvalidDocument.*\n +-> needed for --key send-command" % DOCUMENTS[0])
