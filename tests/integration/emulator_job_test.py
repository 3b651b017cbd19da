"""Run Command on a node whose agent registered: agent_job over the control channel, answered by an agent of our own in Python;
the AWS CLI's copy of botocore is the client."""

import json
import re
import subprocess
import tempfile

from emulator_agent_test import Agent
from emulator_document_test import DocumentCase, document
from emulator_support import Closed, Message, wait_for

SCRIPT = "AWS-RunShellScript"


class JobAgent(Agent):
    """What an amazon-ssm-agent does with a job, step by step, so that a test can leave a step out."""

    def next_job(self):
        message = Message.decode(self.control.recv())
        assert (message.kind, message.flags, message.sequence) == ("agent_job", 0, 0), message.kind
        job = message.json()
        assert job["SchemaVersion"] == 1 and job["JobId"].startswith("aws.ssm.") and job["JobId"].endswith("." + self.id), job
        return message, job, json.loads(job["Content"])

    def acknowledge(self, message, job, code="200"):
        self.control.send(Message("agent_job_ack", json.dumps({
            "jobId": job["JobId"], "acknowledgedMessageId": message.id, "createdDate": "2026-11-21T03:58:34.355Z",
            "statusCode": code, "errorMessage": "Successful"}).encode()).encode())

    def reply(self, job, status, plugin=None, message_id=None):
        """Sends agent_job_reply, and wants its acknowledgement."""
        content = {"additionalInfo": {"agent": {"lang": "en-US", "name": "amazon-ssm-agent", "os": "linux", "osver": "1",
                                                "ver": "3.3.0.0"}, "runId": "", "runtimeStatusCounts": {}},
                   "documentStatus": status, "documentTraceOutput": "", "runtimeStatus": plugin or {}}
        message = Message("agent_job_reply", json.dumps({"schemaVersion": 1, "jobId": job["JobId"], "content": json.dumps(content),
                                                         "topic": "aws.ssm.sendCommand"}).encode(), message_id=message_id)
        self.control.send(message.encode())
        answer = Message.decode(self.control.recv())
        assert answer.kind == "agent_job_reply_ack", answer.kind
        assert answer.json() == {"jobId": job["JobId"], "acknowledgedMessageId": message.id}, answer.json()

    def finish(self, job, code=0, output="", error="", status=None):
        """As for every job: in progress, the plugin, the end."""
        status = status or ("Success" if code == 0 else "Failed")
        plugin = {"aws:runShellScript": {"status": status, "code": code, "name": "aws:runShellScript", "output": output + error,
                                         "startDateTime": "2026-11-21T03:58:34.355Z", "endDateTime": "2026-11-21T03:58:35.355Z",
                                         "outputS3BucketName": "", "outputS3KeyPrefix": "", "stepName": "",
                                         "standardOutput": output, "standardError": error}}
        self.reply(job, "InProgress")
        self.reply(job, "InProgress", plugin)
        self.reply(job, status, plugin)


class EmulatorJobTest(DocumentCase):
    def setUp(self):
        super().setUp()
        with tempfile.TemporaryDirectory() as folder:
            self.agent = JobAgent.register(self.lab, folder)
        self.agent.ping()

    def send(self, *commands, name=SCRIPT, **options):
        parameters = {"commands": list(commands), "executionTimeout": ["60"]} if name == SCRIPT else {}
        return self.ssm.send_command(DocumentName=name, InstanceIds=[self.agent.id], Parameters=parameters,
                                     **options)["Command"]["CommandId"]

    def invocation(self, command):
        listed = self.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
        return (listed[0]["Status"], listed[0]["StatusDetails"]) if listed else None

    def test_a_job(self):
        self.agent.open_control()
        command = self.send("echo hi", "exit 5", Comment="a comment")
        message, job, content = self.agent.next_job()
        self.assertEqual(job["JobId"], f"aws.ssm.{command}.{self.agent.id}")
        self.assertRegex(job["Topic"], r"^aws\.ssm\.sendCommand")
        self.assertEqual(content["Parameters"], {"commands": ["echo hi", "exit 5"], "executionTimeout": "60"})
        self.assertEqual((content["CommandId"], content["DocumentName"]), (command, SCRIPT))
        declared = content["DocumentContent"]
        self.assertEqual(declared["runtimeConfig"]["aws:runShellScript"]["properties"][0]["runCommand"], "{{ commands }}")
        self.assertEqual(self.invocation(command), ("Pending", "Pending"), "nothing is known before the agent says so")
        self.agent.acknowledge(message, job)
        wait_for("the acknowledgement", lambda: self.invocation(command) == ("InProgress", "InProgress"))
        done = subprocess.run(["sh", "-c", "\n".join(content["Parameters"]["commands"])], capture_output=True, text=True, check=False)
        self.agent.finish(job, done.returncode, done.stdout, "failed to run commands: exit status 5")
        result = self.ssm.get_command_invocation(CommandId=command, InstanceId=self.agent.id)
        self.assertEqual((result["Status"], result["ResponseCode"], result["StandardOutputContent"], result["StandardErrorContent"]),
                         ("Failed", 5, "hi\n", "failed to run commands: exit status 5"))
        self.agent.reply(job, "Success")
        self.assertEqual(self.invocation(command), ("Failed", "Failed"), "what is over stays over")

    def test_documents_of_ones_own(self):
        self.agent.open_control()
        self.create("mine", document("echo {{ word }}", parameters={"word": {"type": "String", "default": "it"}}))
        command = self.send(name="mine")
        message, job, content = self.agent.next_job()
        self.assertEqual(content["DocumentContent"], json.loads(document("echo {{ word }}", parameters={
            "word": {"type": "String", "default": "it"}})))
        self.agent.acknowledge(message, job)
        self.agent.finish(job, 0, "it\n")
        self.assertEqual(self.invocation(command), ("Success", "Success"))

    def test_what_an_agent_can_refuse(self):
        """51402: its buffer is full, it is told again; 51405: it has it; 51406: it never will."""
        self.agent.open_control()
        command = self.send("true")
        message, job, _ = self.agent.next_job()
        self.agent.acknowledge(message, job, "51402")
        message, again, _ = self.agent.next_job()
        self.assertEqual(again, job)
        self.agent.acknowledge(message, job, "51405")
        wait_for("that it has it", lambda: self.invocation(command) == ("InProgress", "InProgress"))
        self.agent.finish(job, status="TimedOut", code=137)
        self.assertEqual(self.invocation(command), ("TimedOut", "ExecutionTimedOut"))
        command = self.send("true")
        message, job, _ = self.agent.next_job()
        self.agent.acknowledge(message, job, "51406")
        wait_for("its end", lambda: self.invocation(command) == ("Failed", "Undeliverable"))

    def test_an_agent_that_comes_later(self):
        self.lab.faults(delivery_timeout_ms=300)
        late = self.send("true")
        wait_for("the timeout", lambda: self.invocation(late) == ("TimedOut", "DeliveryTimedOut"))
        self.lab.faults(delivery_timeout_ms=0)
        command = self.send("true")
        wait_for("the invocation", lambda: self.invocation(command) == ("Pending", "Pending"))
        self.agent.open_control()
        message, job, _ = self.agent.next_job()
        self.agent.acknowledge(message, job)
        wait_for("its start", lambda: self.invocation(command) == ("InProgress", "InProgress"))
        self.agent.control.drop()
        with self.assertRaises((Closed, OSError)):
            self.agent.control.recv(1)
        wait_for("the loss", lambda: self.lab.must("GetConnectionStatus", {"Target": self.agent.id})["Status"] == "notconnected")
        self.agent.open_control()
        self.agent.finish(job, 0, "late\n")
        self.assertEqual(self.invocation(command), ("Success", "Success"), "the reply comes over the next connection")

    def test_cancel(self):
        self.agent.open_control()
        command = self.send("sleep 600")
        message, job, _ = self.agent.next_job()
        self.agent.acknowledge(message, job)
        wait_for("its start", lambda: self.invocation(command) == ("InProgress", "InProgress"))
        self.ssm.cancel_command(CommandId=command)
        _, cancel, content = self.agent.next_job()
        self.assertRegex(cancel["Topic"], r"^aws\.ssm\.cancelCommand")
        self.assertEqual(content, {"CancelMessageId": job["JobId"]})
        self.assertTrue(re.match(r"aws\.ssm\.[0-9a-f-]{36}\.", cancel["JobId"]) and cancel["JobId"] != job["JobId"])
        self.assertEqual(self.invocation(command)[0], "Cancelling")
        self.agent.finish(job, 137, status="Cancelled")
        self.assertEqual(self.invocation(command), ("Cancelled", "Cancelled"))
