"""Run Command of ssm-lab, judged by botocore and the AWS CLI."""

import json
import os
import subprocess
import time

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from emulator_support import NODE, OFFLINE, STOPPED, EmulatorCase, wait_for

AWS = "/usr/bin/aws"
SECOND, HYBRID = "i-0fedcba9876543210", "mi-0123456789abcdef0"
RUNNING = ("Pending", "InProgress", "Cancelling")


class CommandCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.ssm = self.make_client()
        self.lab.faults(invocation_delay_ms=20)

    def make_client(self, keys=None):
        ready = self.lab.ready
        keys = keys or ready
        session = botocore.session.Session()
        return session.create_client("ssm", region_name=ready["region"], endpoint_url=ready["api_url"],
                                     verify=ready["ca_file"], aws_access_key_id=keys["access_key_id"],
                                     aws_secret_access_key=keys["secret_access_key"],
                                     config=Config(retries={"max_attempts": 0}, proxies={}))

    def send(self, *commands, nodes=(NODE,), document="AWS-RunShellScript", parameters=None, **options):
        if nodes:
            options["InstanceIds"] = list(nodes)
        values = dict({"commands": list(commands)} if commands else {}, **(parameters or {}))
        return self.ssm.send_command(DocumentName=document, Parameters=values, **options)["Command"]

    def command(self, command_id):
        return self.ssm.list_commands(CommandId=command_id)["Commands"][0]

    def end_of(self, command):
        """The command when it is over."""
        wait_for("the end of a command", lambda: self.command(command["CommandId"])["Status"] not in RUNNING)
        return self.command(command["CommandId"])

    def result(self, command, node=NODE):
        self.end_of(command)
        return self.ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=node)

    def states(self, command):
        """Status and details of each node."""
        pages = self.ssm.get_paginator("list_command_invocations").paginate(CommandId=command["CommandId"])
        return {item["InstanceId"]: (item["Status"], item["StatusDetails"])
                for page in pages for item in page["CommandInvocations"]}

    def assert_refused(self, code, call, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]


class EmulatorCommandTest(CommandCase):
    def test_what_is_refused(self):
        self.assert_refused("InvalidInstanceId", self.send, "true", nodes=["i-0aaaaaaaaaaaaaaaa"])
        self.assert_refused("InvalidInstanceId", self.send, "true", nodes=[])
        self.assert_refused("DuplicateInstanceId", self.send, "true", nodes=[NODE, NODE])
        self.assert_refused("ValidationException", self.send, "true", nodes=[NODE] * 51)
        self.assert_refused("InvalidDocument", self.send, "true", document="AWS-StartSSHSession")
        self.assert_refused("UnsupportedPlatformType", self.send, "true", document="AWS-RunPowerShellScript")
        self.assert_refused("InvalidParameters", self.send)
        self.assert_refused("InvalidParameters", self.send, "true", parameters={"shell": ["bash"]})
        for timeout in ("0", "172801", "soon", "-1"):
            self.assert_refused("InvalidParameters", self.send, "true", parameters={"executionTimeout": [timeout]})
        self.assert_refused("InvalidTarget", self.send, "true", nodes=(), Targets=[{"Key": "Name", "Values": ["node"]}])
        for limits in ({"MaxConcurrency": "0"}, {"MaxConcurrency": "101%"}, {"MaxErrors": "many"}):
            self.assert_refused("ValidationException", self.send, "true", **limits)
        unknown = "01234567-89ab-cdef-0123-456789abcdef"
        self.assert_refused("InvalidCommandId", self.ssm.cancel_command, CommandId=unknown)
        self.assert_refused("InvalidCommandId", self.ssm.list_commands, CommandId=unknown)
        self.assert_refused("InvocationDoesNotExist", self.ssm.get_command_invocation, CommandId=unknown, InstanceId=NODE)
        self.assert_refused("InvalidFilterKey", self.lab_filter, "Colour")

    def lab_filter(self, key):
        """Past botocore's own check of the key."""
        status, kind, answer = self.lab.api("ListCommands", {"Filters": [{"key": key, "value": "x"}]})
        raise ClientError({"Error": {"Code": kind, "Message": str(answer)}, "Status": status}, "ListCommands")

    def test_who_may_and_updating_the_agent(self):
        self.lab.faults(calls=[{"action": "ssm:SendCommand/AWS-RunShellScript", "answer": "deny"}])
        message = self.assert_refused("AccessDeniedException", self.send, "true")
        self.assertIn("ssm:SendCommand on resource: arn:aws:ssm:us-east-1::document/AWS-RunShellScript ", message)
        result = self.result(self.send(document="AWS-UpdateSSMAgent", parameters={"version": ["3.2.1.0"], "allowDowngrade": ["true"]}))
        self.assertEqual((result["Status"], result["PluginName"]), ("Success", "aws:updateSsmAgent"))
        nodes = self.ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [NODE]}])
        self.assertEqual(nodes["InstanceInformationList"][0]["AgentVersion"], "3.2.1.0")
        self.lab.faults(calls=[{"action": "ssm:SendCommand", "answer": "throttle", "count": 1}])
        self.assert_refused("ThrottlingException", self.send, "true")
        self.assertEqual(self.send("true")["Status"], "Pending")
        self.ssm = self.make_client(self.lab.ready["denied"])
        self.assert_refused("AccessDeniedException", self.send, "true")

    def test_a_script_runs(self):
        started = time.time()
        command = self.send("cat /dev/stdin", "echo $AWS_SSM_INSTANCE_ID; id -u", "pwd >&2", "exit 5", Comment="a comment",
                            parameters={"workingDirectory": ["/usr"]}, OutputS3BucketName="bucket")
        self.assertEqual((command["Status"], command["TargetCount"], command["Comment"]), ("Pending", 1, "a comment"))
        result = self.result(command)
        self.assertEqual((result["Status"], result["StatusDetails"], result["ResponseCode"]), ("Failed", "Failed", 5))
        self.assertEqual(result["StandardOutputContent"], f"{NODE}\n{os.getuid()}\n")
        self.assertEqual(result["StandardErrorContent"], "/usr\nfailed to run commands: exit status 5")
        item, = self.ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"]
        plugin, = item["CommandPlugins"]
        self.assertEqual((plugin["Name"], plugin["ResponseCode"]), ("aws:runShellScript", 5))
        self.assertEqual(plugin["Output"], result["StandardOutputContent"] + "\n----------ERROR-------\n" +
                         result["StandardErrorContent"])
        self.assertLess(abs(plugin["ResponseFinishDateTime"].timestamp() - started), 60)
        missing = self.result(self.send("true", parameters={"workingDirectory": ["/no/such/folder"]}))
        self.assertEqual((missing["Status"], missing["ResponseCode"]), ("Failed", 1))
        self.assertIn("No such file or directory", missing["StandardErrorContent"])

    def test_an_invocation_comes_later(self):
        self.lab.faults(invocation_delay_ms=3600000)
        command = self.send("true")
        by_id = {"CommandId": command["CommandId"]}
        self.assert_refused("InvocationDoesNotExist", self.ssm.get_command_invocation, InstanceId=NODE, **by_id)
        self.assertEqual(self.states(command), {})
        self.assertEqual(self.command(command["CommandId"])["Status"], "Pending")

    def test_output_is_cut(self):
        command = self.send("head -c 30000 /dev/zero | tr '\\0' o; head -c 30000 /dev/zero | tr '\\0' e >&2; printf '\\377'")
        result = self.result(command)
        mark = "--output truncated--"
        self.assertEqual(result["StandardOutputContent"], "o" * (24000 - len(mark)) + mark)
        self.assertEqual(result["StandardErrorContent"], "e" * (8000 - len(mark)) + mark)
        item, = self.ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"]
        output = item["CommandPlugins"][0]["Output"]
        self.assertLessEqual(len(output), 2500)
        self.assertRegex(output, "^o{1000,}\n---Output truncated---\n----------ERROR-------\ne{1000,}\n---Error truncated----$")
        self.assertEqual(self.result(self.send("printf 'a\\377b\\303\\244'"))["StandardOutputContent"], "a\ufffdb\u00e4")

    def test_targets(self):
        command = self.end_of(self.send("true", nodes=(), Targets=[{"Key": "tag:Environment", "Values": ["lab", "office"]},
                                                                   {"Key": "tag-key", "Values": ["Owner", "Role"]}]))
        self.assertEqual((command["Status"], command["TargetCount"], command["CompletedCount"]), ("Success", 2, 2))
        self.assertEqual(set(self.states(command)), {NODE, SECOND})
        none = self.end_of(self.send("true", nodes=(), Targets=[{"Key": "tag:Name", "Values": ["nobody"]}]))
        self.assertEqual((none["StatusDetails"], none["TargetCount"]), ("NoInstancesInTag", 0))
        self.assertEqual(self.states(none), {})

    def test_lists_and_waiter(self):
        first = self.end_of(self.send("true"))
        second = self.end_of(self.send("false", nodes=[HYBRID]))
        listed = self.ssm.get_paginator("list_commands").paginate(PaginationConfig={"PageSize": 1}).build_full_result()
        self.assertEqual([c["CommandId"] for c in listed["Commands"]], [second["CommandId"], first["CommandId"]])
        for options, expected in (({"Filters": [{"key": "Status", "value": "Failed"}]}, second),
                                  ({"InstanceId": NODE}, first)):
            for call, name in ((self.ssm.list_commands, "Commands"), (self.ssm.list_command_invocations, "CommandInvocations")):
                self.assertEqual([item["CommandId"] for item in call(**options)[name]], [expected["CommandId"]])
        for key, count in (("InvokedAfter", 2), ("InvokedBefore", 0)):
            filters = [{"key": key, "value": "2020-01-01T00:00:00Z"}, {"key": "ExecutionStage", "value": "Complete"}]
            self.assertEqual(len(self.ssm.list_commands(Filters=filters)["Commands"]), count)
        waiter = self.ssm.get_waiter("command_executed")
        waiter.wait(CommandId=first["CommandId"], InstanceId=NODE)
        self.assertRaises(WaiterError, waiter.wait, CommandId=second["CommandId"], InstanceId=HYBRID)

    def test_nodes_that_are_away(self):
        self.lab.faults(delivery_timeout_ms=700)
        command = self.end_of(self.send("true", nodes=[NODE, OFFLINE, STOPPED]))
        self.assertEqual(self.states(command), {NODE: ("Success", "Success"), OFFLINE: ("TimedOut", "DeliveryTimedOut"),
                                                STOPPED: ("Failed", "Undeliverable")})
        self.assertEqual((command["StatusDetails"], command["DeliveryTimedOutCount"], command["ErrorCount"]),
                         ("DeliveryTimedOut", 1, 0))
        self.lab.faults(delivery_timeout_ms=0)
        waits = self.send("echo back", nodes=[OFFLINE])
        wait_for("the invocation", lambda: self.states(waits) == {OFFLINE: ("Pending", "Pending")})
        self.lab.faults(offline_nodes=[])
        self.assertEqual(self.result(waits, OFFLINE)["StandardOutputContent"], "back\n")

    def test_execution_timeout_and_cancel(self):
        """Everything that a script has begun is killed with it."""
        script = ("sleep 600 & echo $$ $!", "wait")
        late = self.result(self.send(*script, parameters={"executionTimeout": ["1"]}))
        self.assertEqual((late["Status"], late["StatusDetails"], late["ResponseCode"]), ("TimedOut", "ExecutionTimedOut", 137))
        self.assert_gone(late)
        command = self.send(*script)
        wait_for("its start", lambda: self.states(command).get(NODE) == ("InProgress", "InProgress"))
        self.ssm.cancel_command(CommandId=command["CommandId"])
        cancelled = self.result(command)
        self.assertEqual((cancelled["Status"], self.command(command["CommandId"])["Status"]), ("Cancelled", "Cancelled"))
        self.assert_gone(cancelled)

    def assert_gone(self, result):
        for pid in result["StandardOutputContent"].split():
            wait_for(f"the end of {pid}", lambda name=f"/proc/{pid}": not os.path.exists(name))

    def test_nothing_stays(self):
        """A script in the background, one that runs at the end of ssm-lab, and their directories."""
        ended = self.result(self.send("sleep 600 & echo $! $!"))
        self.assert_gone(ended)
        mark = os.path.join(self.lab.ready["state_dir"], "mark")
        self.send(f"echo $$ >{mark}.new; mv {mark}.new {mark}; sleep 600")
        wait_for("the script", lambda: os.path.exists(mark))
        with open(mark, encoding="ascii") as file:
            pid = int(file.read())
        os.unlink(mark)
        self.lab.stop()
        wait_for("its end", lambda: not os.path.exists(f"/proc/{pid}"))
        self.assertFalse(os.path.exists(self.lab.ready["state_dir"]))
        self.lab.stop = lambda: None
        self.doCleanups()


class EmulatorFleetTest(CommandCase):
    options = ("--seed", "1", "--light-nodes", "120")
    FLEET = [{"Key": "tag:Fleet", "Values": ["light"]}]

    def test_a_fleet(self):
        command = self.end_of(self.send("uptime", nodes=(), Targets=self.FLEET, MaxConcurrency="50%"))
        self.assertEqual((command["Status"], command["TargetCount"], command["CompletedCount"]), ("Success", 120, 120))
        pages = list(self.ssm.get_paginator("list_command_invocations").paginate(CommandId=command["CommandId"], Details=True))
        self.assertEqual([len(page["CommandInvocations"]) for page in pages], [50, 50, 20])
        outputs = {item["CommandPlugins"][0]["Output"] for page in pages for item in page["CommandInvocations"]}
        self.assertEqual(outputs, {"uptime\n"})
        named = self.lab.must("DescribeInstanceInformation", {"Filters": [{"Key": "tag:Name", "Values": ["light-0120"]}]})
        self.assertEqual([node["InstanceId"] for node in named["InstanceInformationList"]], ["mi-00000000000000078"])

    def test_concurrency(self):
        """So many at a time; the rest is sent as they end, and cancelled with the command."""
        self.lab.faults(light_command_ms=600000)
        command = self.send("uptime", nodes=(), Targets=self.FLEET, MaxConcurrency="10%")
        wait_for("the first", lambda: len(self.states(command)) == 120)
        states = list(self.states(command).values())
        self.assertEqual((states.count(("InProgress", "InProgress")), states.count(("Pending", "Pending"))), (12, 108))
        self.ssm.cancel_command(CommandId=command["CommandId"], InstanceIds=["mi-00000000000000001"])
        states = list(self.states(command).values())
        self.assertEqual((states.count(("InProgress", "InProgress")), states.count(("Cancelled", "Cancelled"))), (12, 1))
        self.ssm.cancel_command(CommandId=command["CommandId"])
        self.assertEqual(set(self.states(command).values()), {("Cancelled", "Cancelled")})
        self.assertEqual(self.command(command["CommandId"])["Status"], "Cancelled")


class EmulatorFleetExecutionTest(CommandCase):
    options = ("--seed", "1", "--light-nodes", "20", "--execute-on-light-nodes")

    def test_too_many_errors(self):
        # The ids of light nodes are numbers: every second one fails.
        script = 'case $AWS_SSM_INSTANCE_ID in *[13579bdf]) exit 3;; esac'
        for max_errors, expected, details in (("2", (3, 2, 15), "Failed"), ("50%", (10, 10, 0), "Incomplete")):
            command = self.end_of(self.send(script, nodes=(), Targets=EmulatorFleetTest.FLEET, MaxConcurrency="1",
                                            MaxErrors=max_errors))
            states = [state for _, state in self.states(command).values()]
            counts = tuple(states.count(state) for state in ("Failed", "Success", "Terminated"))
            self.assertEqual(counts, expected)
            self.assertEqual((command["StatusDetails"], command["ErrorCount"]), (details, counts[0]))


class EmulatorCommandAwsCliTest(CommandCase):
    """Debian's AWS CLI as an independent client."""

    def aws(self, *arguments):
        ready = self.lab.ready
        environment = {"PATH": os.environ["PATH"], "AWS_CA_BUNDLE": ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_DEFAULT_REGION": ready["region"],
                       "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"], "AWS_MAX_ATTEMPTS": "1"}
        done = subprocess.run([AWS, "--endpoint-url", ready["api_url"], "--output", "json", "ssm", *arguments],
                              env=environment, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def test_the_aws_cli(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        command = self.aws("send-command", "--document-name", "AWS-RunShellScript", "--targets",
                           "Key=tag:Name,Values=node", "--parameters", 'commands=["echo hi","sleep 600"]')["Command"]
        by_id = ("--command-id", command["CommandId"])
        wait_for("its start", lambda: self.states(command).get(NODE) == ("InProgress", "InProgress"))
        self.assertIsNone(self.aws("cancel-command", *by_id))
        self.end_of(command)
        items = self.aws("list-command-invocations", *by_id, "--details")["CommandInvocations"]
        self.assertEqual([(item["Status"], item["CommandPlugins"][0]["Output"]) for item in items], [("Cancelled", "hi\n")])
        command = self.end_of(self.send("echo hello"))
        one = ("--command-id", command["CommandId"], "--instance-id", NODE)
        self.assertIsNone(self.aws("wait", "command-executed", *one))
        self.assertEqual(self.aws("get-command-invocation", *one)["StandardOutputContent"], "hello\n")
