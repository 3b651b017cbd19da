"""State Manager and the update of agents in ssm-lab, asked by the AWS CLI and its copy of botocore."""

import json
import os
import subprocess

from emulator_document_test import DocumentCase, document
from emulator_ec2_test import AWS
from emulator_support import NODE, OFFLINE, wait_for

SECOND, HYBRID, UPDATE = "i-0fedcba9876543210", "mi-0123456789abcdef0", "AWS-UpdateSSMAgent"
LATEST, OLD, OLDER = "3.3.0.0", "3.1.9.0", "3.1.10.0"  # by numbers OLD is the older of these two


class AssociationCase(DocumentCase):
    def associate(self, name=UPDATE, **options):
        return self.ssm.create_association(Name=name, **options)["AssociationDescription"]

    def describe(self, made):
        return self.ssm.describe_association(AssociationId=made["AssociationId"])["AssociationDescription"]

    def overview(self, made):
        return self.describe(made)["Overview"]

    def versions(self, **versions):
        """Sets those of nodes by id; those of all nodes."""
        if versions:
            self.lab_post("/lab/nodes", {"agent_version": versions})
        return {node["InstanceId"]: node["AgentVersion"]
                for node in self.ssm.describe_instance_information()["InstanceInformationList"]}


class EmulatorAgentUpdateTest(AssociationCase):
    def test_up_and_down(self):
        self.versions(**{NODE: OLDER})
        for asked, code, status, version, words in (
                ({"version": OLD}, 1, "Failed", OLDER, "please enable allow downgrade to proceed"),
                ({"version": OLD, "allowDowngrade": "true"}, 0, "Success", OLD, f"from {OLDER} to {OLD}"),
                ({"version": OLD}, 0, "Success", OLD, "has already been installed, update skipped"),
                ({"version": "9.0.0.0"}, 1, "Failed", OLD, "unsupported"),
                ({"version": OLDER}, 0, "Success", OLDER, f"from {OLD} to {OLDER}"),
                ({}, 0, "Success", LATEST, f"updated successfully to {LATEST}")):
            result = self.run_document(UPDATE, **asked)
            self.assertEqual((result["ResponseCode"], result["Status"], self.versions()[NODE]), (code, status, version), asked)
            self.assertIn(words, result["StandardOutputContent"] + result["StandardErrorContent"])
        for bad in ({"version": ["latest"]}, {"allowDowngrade": ["yes"]}):
            self.assert_refused(400, "InvalidParameters", "", self.ssm.send_command, DocumentName=UPDATE, InstanceIds=[NODE],
                                Parameters=bad)


class EmulatorAssociationTest(AssociationCase):
    def test_what_is_refused(self):
        self.associate(InstanceId=NODE)
        every = [{"Key": "InstanceIds", "Values": ["*"]}]
        for code, parameters in (
                ("InvalidDocument", {"Name": "nobody", "Targets": every}), ("InvalidDocument", {"Name": "AWS-StartSSHSession", "Targets": every}),
                ("InvalidTarget", {"Name": UPDATE}), ("InvalidTarget", {"Name": UPDATE, "InstanceId": NODE, "Targets": every}),
                ("InvalidTarget", {"Name": UPDATE, "Targets": [{"Key": "Colour", "Values": ["red"]}]}),
                ("InvalidInstanceId", {"Name": UPDATE, "InstanceId": "i-00000000"}),
                ("AssociationAlreadyExists", {"Name": UPDATE, "InstanceId": NODE}),
                ("UnsupportedPlatformType", {"Name": "AWS-RunPowerShellScript", "InstanceId": NODE, "Parameters": {"commands": ["x"]}}),
                ("InvalidParameters", {"Name": UPDATE, "Targets": every, "Parameters": {"version": ["x"]}}),
                ("InvalidSchedule", {"Name": UPDATE, "Targets": every, "ScheduleExpression": "rate(5 minutes)"}),
                ("InvalidSchedule", {"Name": UPDATE, "Targets": every, "ScheduleExpression": "daily"})):
            self.assert_refused(400, code, "", self.ssm.create_association, **parameters)
        unknown = "01234567-89ab-cdef-0123-456789abcdef"
        self.assert_refused(400, "AssociationDoesNotExist", "", self.ssm.describe_association, AssociationId=unknown)
        self.assert_refused(400, "AssociationDoesNotExist", "", self.ssm.describe_association, Name=UPDATE, InstanceId=SECOND)
        self.assert_refused(400, "AssociationDoesNotExist", "", self.ssm.delete_association, AssociationId=unknown)
        self.assert_refused(400, "AssociationDoesNotExist", "", self.ssm.start_associations_once, AssociationIds=[unknown])
        denied = self.client("ssm", self.lab.ready["denied"])
        self.assert_refused(400, "AccessDeniedException", "ssm:CreateAssociation", denied.create_association, Name=UPDATE, Targets=every)
        limited = self.client("ssm", self.user("x", {"Effect": "Allow", "Action": "ssm:*", "NotResource": "*/AWS-UpdateSSMAgent"}))
        self.assert_refused(400, "AccessDeniedException", "document/AWS-UpdateSSMAgent because", limited.create_association,
                            Name=UPDATE, Targets=every)
        self.assert_refused(400, "InvalidTarget", "", self.ssm.send_command, DocumentName=UPDATE, Targets=every)

    def test_agents_are_kept_up_to_date(self):
        self.versions(**{NODE: OLD, OFFLINE: OLD, HYBRID: OLD})
        made = self.associate(Targets=[{"Key": "InstanceIds", "Values": ["*"]}], ScheduleExpression="rate(14 days)",
                              AssociationName="keep-agents", MaxConcurrency="50%", MaxErrors="10%")
        self.assertEqual((made["Overview"]["Status"], made["Overview"]["DetailedStatus"], made["DocumentVersion"]),
                         ("Pending", "Creating", "$DEFAULT"))
        wait_for("the nodes that are there", lambda: self.overview(made)["AssociationStatusAggregatedCount"] == {
            "Success": 5, "Pending": 2})
        self.assertEqual(self.overview(made)["Status"], "Pending", "two nodes are away")
        versions = self.versions()
        self.assertEqual((versions[NODE], versions[HYBRID], versions[OFFLINE]), (LATEST, LATEST, OLD))
        self.lab.faults(offline_nodes=[])
        wait_for("the one that came back", lambda: self.versions()[OFFLINE] == LATEST)
        self.assertEqual(self.ssm.list_commands()["Commands"], [], "Run Command knows nothing of it")
        self.versions(**{NODE: OLD})
        self.ssm.start_associations_once(AssociationIds=[made["AssociationId"]])
        wait_for("the next run", lambda: self.versions()[NODE] == LATEST)
        shown = self.describe(made)
        self.assertEqual((shown["ScheduleExpression"], shown["AssociationName"], shown["MaxErrors"]), ("rate(14 days)", "keep-agents", "10%"))
        self.assertGreaterEqual(shown["LastExecutionDate"], shown["Date"])

    def test_lists(self):
        self.create("failing", document("exit 1"))
        failing = self.associate("failing", Targets=[{"Key": "tag:Name", "Values": ["node-2"]}])
        waiting = self.associate(InstanceId=NODE, ScheduleExpression="cron(0 2 ? * SUN *)", ApplyOnlyAtCronInterval=True)
        wait_for("its failure", lambda: self.overview(failing)["Status"] == "Failed")
        self.assertEqual((waiting["Overview"]["Status"], "LastExecutionDate" in self.describe(waiting)), ("Pending", False))
        listed = lambda *pairs, **options: [item["AssociationId"] for item in self.ssm.list_associations(  # noqa: E731
            **({"AssociationFilterList": [dict(zip(("key", "value"), pair)) for pair in pairs]} if pairs else {}), **options)["Associations"]]
        first, second = failing["AssociationId"], waiting["AssociationId"]
        self.assertEqual(listed(), [first, second])
        self.assertEqual(listed(("Name", UPDATE)), [second])
        self.assertEqual(listed(("InstanceId", SECOND)), [first])
        self.assertEqual(listed(("AssociationStatusName", "Failed")), [first])
        page = self.ssm.list_associations(MaxResults=1)
        self.assertEqual(listed(MaxResults=1, NextToken=page["NextToken"]), [second])
        self.assertEqual(self.ssm.describe_association(Name=UPDATE, InstanceId=NODE)["AssociationDescription"]["AssociationId"], second)
        self.ssm.delete_association(AssociationId=first)
        self.assertEqual(listed(), [second])

    def test_the_aws_cli(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        ready = self.lab.ready
        environment = {"PATH": os.environ["PATH"], "AWS_CA_BUNDLE": ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_DEFAULT_REGION": ready["region"],
                       "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"], "AWS_MAX_ATTEMPTS": "1"}
        self.versions(**{NODE: OLD})
        done = subprocess.run([AWS, "--endpoint-url", ready["api_url"], "--output", "json", "ssm", "create-association", "--name",
                               UPDATE, "--targets", "Key=instanceids,Values=" + NODE], env=environment, capture_output=True,
                              text=True, timeout=60, check=True)
        self.assertEqual(json.loads(done.stdout)["AssociationDescription"]["Name"], UPDATE)
        wait_for("the update", lambda: self.versions()[NODE] == LATEST)
