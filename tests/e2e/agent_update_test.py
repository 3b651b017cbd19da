"""ssm-proxy agent version and agent update: the agents of nodes, now and by State Manager."""

import json

from lab_case import NODE_ID, SECOND_NODE_ID, LabCase
from workspace import program, show

AWS = "/usr/bin/aws"
OLD = "3.1.1.0"


class AgentUpdateTest(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "60")

    def setUp(self):
        super().setUp()
        self.lab.faults(invocation_delay_ms=20)

    def agent(self, *arguments, code=0):
        done = self.work.run([program("ssm-proxy"), "agent", *arguments], env=self.lab.environment())
        self.assertEqual(done.returncode, code, show(done.stdout) + show(done.stderr))
        return show(done.stdout), show(done.stderr)

    def refused(self, *arguments, code, words):
        self.assert_refused(self.work.run([program("ssm-proxy"), "agent", *arguments], env=self.lab.environment()), code, *words)

    def versions(self, *arguments):
        return json.loads(self.agent("version", "--output", "json", *arguments)[0])

    def aws(self, *arguments):
        """The AWS CLI as witness."""
        env = self.lab.environment(AWS_DEFAULT_REGION=self.lab.info["region"])
        done = self.checked(self.work.run([AWS, "--endpoint-url", self.lab.info["api_url"], "ssm", *arguments, "--output", "json"], env=env))
        return json.loads(show(done.stdout))

    def test_refuses(self):
        for arguments, code, words in (
                (("update",), 64, ["which nodes?"]),
                (("update", "--version", "3.1", "node"), 64, ["not a version"]),
                (("update", "--version", "3.1.1.0;", "node"), 64, ["not a version"]),
                (("update", "--schedule", "rate(1 day)", "node"), 64, ["go with --association"]),
                (("update", "--dry-run", "node"), 64, ["go with --association"]),
                *((("update", "--association", *others), 64, [others[0] + " does not go with --association"]) for others in (
                    ("--timeout", "60"), ("--reason", "why"), ("--s3-bucket", "logs"), ("--s3-prefix", "a"),
                    ("--cloudwatch-log-group", "logs"), ("--stream",), ("--no-wait", "node"))),
                (("update", "--association", "--schedule", "daily"), 64, ["--schedule: neither"]),
                (("update", "--association", "--concurrency", "0"), 64, ["--concurrency"]),
                (("update", "--association", "--schedule", "rate(1 day)", "nobody"), 66, ["no node in us-east-1"]),
                (("update", "--association", "--schedule", "rate(soon)"), 78, ["agent update", "schedule"]),
                (("update", "nobody"), 66, ["no node in us-east-1"]),
                (("version", "tag:A=a", "tag:B=b", "tag:B=c"), 64, ["several values"]),
                (("version", "--output", "xml"), 64, ["neither table nor json"])):
            with self.subTest(arguments):
                self.refused(*arguments, code=code, words=words)
        out, err = self.agent("version", "--output", "json", "tag:Fleet=none", code=66)
        self.assertEqual((out, err.startswith("ssm-proxy: agent version: no such target: no node in us-east-1")), ("[]\n", True))
        self.lab.faults(calls=[{"action": "ssm:CreateAssociation", "answer": "deny"}])
        self.refused("update", "--association", code=77, words=["ssm:CreateAssociation"])
        self.lab.faults(calls=[{"action": "ssm:SendCommand/AWS-UpdateSSMAgent", "answer": "deny"}])
        self.refused("update", "node", code=77, words=["AWS-UpdateSSMAgent"])

    def test_versions_and_updates(self):
        self.assertGreater(len(self.versions()), 60)
        latest = self.versions("node")[0]["AgentVersion"]
        self.assertEqual(self.versions("node"), [{"Name": "node", "InstanceId": NODE_ID, "AgentVersion": latest, "IsLatestVersion": True,
                                                  "PingStatus": "Online", "PlatformName": "Debian GNU/Linux"}])
        out, err = self.agent("update", "--version", OLD, "--reason", "rollback", "node-2", NODE_ID)
        self.assertRegex(out, r"(?s)^==> node-2 \(%s\) <==\n.*%s.*==> %s <==\n" % (SECOND_NODE_ID, OLD, NODE_ID))
        self.assertIn("2 of 2 nodes succeeded", err)
        command, = self.aws("list-commands")["Commands"]
        self.assertEqual((command["DocumentName"], command["Comment"]), ("AWS-UpdateSSMAgent", "rollback"))
        self.assertEqual(command["Parameters"], {"version": [OLD], "allowDowngrade": ["true"]})
        out, err = self.agent("version", NODE_ID, "node-2", "mi-00000000000000001")
        rows = [line.split() for line in out.splitlines()]
        self.assertEqual(rows[0], "NAME ID AGENT LATEST PING PLATFORM".split())
        self.assertEqual({tuple(row[1:4]) for row in rows[1:]},
                         {(NODE_ID, OLD, "no"), (SECOND_NODE_ID, OLD, "no"), ("mi-00000000000000001", latest, "yes")})
        self.assertIn("2 of 3 agents are not the latest: ssm-proxy agent update", err)
        self.agent("update", "--concurrency", "50%", "--max-errors", "0", "node", "node-2")
        self.assertEqual([row["AgentVersion"] for row in self.versions("node,node-2")], [latest] * 2)
        self.assertEqual([row["Name"] for row in self.versions("tag:Fleet=light", "tag:Name=light-0042")], ["light-0042"])
        before = self.lab.counter("api_calls")
        self.assertEqual([row["Name"] for row in self.versions("offline,node", "node-2")], ["node", "node-2", "offline"])
        self.assertEqual(self.lab.counter("api_calls") - before, 4, "one look-up for all names, of each service")
        self.assertEqual(len(self.versions("light-0001,node,hybrid")), 3, "names that EC2 does not know")
        self.lab.faults(calls=[{"action": "ec2:DescribeInstances", "answer": "deny"}])
        self.assertEqual(len(self.versions("offline,node")), 2)
        self.assertGreater(len(self.versions()), 60)

    def test_the_association(self):
        out, err = self.agent("update", "--association", "--dry-run", "--version", OLD, "--schedule", "cron(0 2 ? * SUN *)",
                              "--concurrency", "10%", "--max-errors", "1", "tag:Env=a", "tag:Env=b")
        self.assertEqual(err, "")
        self.assertEqual(json.loads(out), {
            "Name": "AWS-UpdateSSMAgent", "AssociationName": "ssm-proxy-agent-update", "ScheduleExpression": "cron(0 2 ? * SUN *)",
            "Targets": [{"Key": "tag:Env", "Values": ["a", "b"]}], "MaxConcurrency": "10%", "MaxErrors": "1",
            "Parameters": {"version": [OLD], "allowDowngrade": ["true"]}})
        out, err = self.agent("update", "--association")
        made, = self.aws("list-associations")["Associations"]
        self.assertEqual((out.strip(), err), (made["AssociationId"], ""))
        self.assertEqual(made["Targets"], [{"Key": "InstanceIds", "Values": ["*"]}])
        self.assertEqual((made["Name"], made["ScheduleExpression"]), ("AWS-UpdateSSMAgent", "rate(14 days)"))
        again, err = self.agent("update", "--association", "node")
        self.assertEqual(again, out)
        self.assertIn("is there already", err)
        self.aws_delete(made["AssociationId"])
        out, _ = self.agent("update", "--association", "--dry-run", "node")
        self.assertEqual(self.aws("create-association", "--cli-input-json", out)["AssociationDescription"]["Targets"],
                         [{"Key": "InstanceIds", "Values": [NODE_ID]}], "what is printed the AWS CLI takes")

    def aws_delete(self, association_id):
        env = self.lab.environment(AWS_DEFAULT_REGION=self.lab.info["region"])
        self.checked(self.work.run([AWS, "--endpoint-url", self.lab.info["api_url"], "ssm", "delete-association", "--association-id",
                                    association_id], env=env))
