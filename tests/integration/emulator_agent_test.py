"""An agent of our own behind ssm-lab: what an unmodified amazon-ssm-agent does, played in Python: hybrid activation, role
token, control channel, interactive_shell, data channel, agent_task_complete."""

import base64
import json
import os
import re
import struct
import subprocess
import tempfile
import time
import uuid
import xml.etree.ElementTree as ElementTree

from emulator_support import (HANDSHAKE_COMPLETE, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, OUTPUT, Client, Closed,
                              EmulatorCase, Message, Refused, WebSocket, sign, wait_for)

FINGERPRINT = "5dfbd6a4-3c4b-4a7d-9a51-2f6cb1d5a2c1"


class Agent:
    """One node. Single-threaded: the test decides when it looks at its channels."""

    def __init__(self, lab, keys, node_id):
        self.lab, self.keys, self.id = lab, keys, node_id
        self.control = None

    @classmethod
    def register(cls, lab, folder):
        key = os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        body = {"ActivationCode": lab.ready["activation_code"], "ActivationId": lab.ready["activation_id"],
                "Fingerprint": FINGERPRINT, "PublicKey": base64.b64encode(public).decode(), "PublicKeyType": "Rsa"}
        node_id = unsigned(lab, "RegisterManagedInstance", body)[1]["InstanceId"]
        token = role_token(lab, node_id, key)[1]
        keys = {"access_key_id": token["AccessKeyId"], "secret_access_key": token["SecretAccessKey"],
                "session_token": token["SessionToken"]}
        agent = cls(lab, keys, node_id)
        agent.key_file, agent.token = key, token
        return agent

    def api(self, operation, body, **options):
        return self.lab.api(operation, body, keys=self.keys, **options)

    def ping(self):
        status, _, answer = self.api("UpdateInstanceInformation", {
            "AgentName": "amazon-ssm-agent", "AgentStatus": "Active", "AgentVersion": "3.3.0.0", "AvailabilityZone": "",
            "ComputerName": "python", "IPAddress": "10.1.2.3", "InstanceId": self.id, "PlatformName": "Python",
            "PlatformType": "Linux", "PlatformVersion": "3", "SSMConnectionChannel": ""})
        assert (status, answer) == (200, {}), answer

    def create(self, kind, name, body, keys=None):
        """CreateControlChannel, CreateDataChannel: the token, or the status and body of the refusal."""
        path = f"/v1/{kind}-channel/{name}"
        status, _, data = self.lab.signed(self.lab.gateway_address, "POST", path, json.dumps(body).encode(),
                                          "ssmmessages", {"content-type": "application/json"}, keys or self.keys)
        if status != 201:
            return None, status, data.decode()
        token = ElementTree.fromstring(data).find("TokenValue").text
        return token, status, data.decode()

    def upgrade(self, path, keys=None):
        address = self.lab.gateway_address
        headers = sign("GET", address.netloc, path, b"", "ssmmessages", {}, keys or self.keys, self.lab.region)
        return WebSocket(self.lab, path, headers, fragment=4096)

    def open_control(self):
        token = self.create("control", self.id, {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4())})[0]
        self.control = self.upgrade(f"/v1/control-channel/{self.id}?role=subscribe&stream=input")
        self.control.fragment = 142000
        self.control.send_text({"Cookie": None, "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()),
                                "TokenValue": token, "AgentVersion": "3.3.0.0", "PlatformType": "linux"})
        wait_for("the control channel", lambda: self.lab.must("GetConnectionStatus", {"Target": self.id})["Status"] ==
                 "connected")

    def open_data(self, session_id, is_first=True):
        token = self.create("data", session_id, {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()),
                                                 "ClientId": ""})[0]
        data = self.upgrade(f"/v1/data-channel/{session_id}?role=publish_subscribe")
        data.send_text({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token,
                        "ClientInstanceId": self.id, "ClientId": ""})
        if is_first:
            state = {"SchemaVersion": 1, "SessionState": "Connected", "SessionId": session_id}
            data.send(Message("agent_session_state", json.dumps(state).encode(), flags=3).encode())
        return data

    def next_shell(self):
        message = Message.decode(self.control.recv())
        assert (message.kind, message.flags, message.sequence) == ("interactive_shell", 0, 0), message.kind
        assert message.header_length == 116
        outer = message.json()
        assert outer["SchemaVersion"] == 1
        return json.loads(outer["Content"])

    def complete(self, session_id, status="Success", output="", message_id=None):
        payload = {"SchemaVersion": 1, "TaskId": session_id, "Topic": "agent_task_complete", "FinalTaskStatus": status,
                   "IsRoutingFailure": False, "AwsAccountId": "", "InstanceId": self.id, "Output": output,
                   "S3Bucket": "", "S3UrlSuffix": "", "CwlGroup": "", "CwlStream": "", "RetryNumber": 1}
        message = Message("agent_task_complete", json.dumps(payload).encode(), message_id=message_id)
        self.control.send(message.encode())
        answer = Message.decode(self.control.recv())
        assert answer.kind == "agent_task_acknowledge", answer.kind
        assert answer.json() == {"SchemaVersion": 1, "MessageId": message.id, "TaskId": session_id,
                                 "Topic": "agent_task_complete"}


def unsigned(lab, operation, body):
    status, _, data = lab.http(lab.api_address, "POST", "/", json.dumps(body).encode(), {
        "content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM." + operation})
    return status, json.loads(data)


def role_token(lab, node_id, key, fingerprint=FINGERPRINT):
    body = json.dumps({"Fingerprint": fingerprint}).encode()
    headers = {"content-type": "application/x-amz-json-1.1",
               "x-amz-target": "AmazonSSM.RequestManagedInstanceRoleToken"}
    keys = {"access_key_id": node_id, "secret_access_key": ""}
    headers = sign("POST", lab.api_address.netloc, "/", body, "ssm", headers, keys, lab.region, rsa_key=key)
    status, _, data = lab.http(lab.api_address, "POST", "/", body, headers)
    return status, json.loads(data)


class EmulatorAgentTest(EmulatorCase):
    options = ("--seed", "1", "--no-builtin-nodes")

    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def agent(self):
        agent = Agent.register(self.lab, self.folder.name)
        agent.ping()
        agent.open_control()
        return agent

    def session(self, agent, port="2222"):
        """StartSession, and the agent's data channel for it."""
        session = self.lab.start(port, agent.id)
        content = agent.next_shell()
        self.assertEqual(content["SessionId"], session["SessionId"])
        return session, agent.open_data(session["SessionId"])

    def receive(self, data, kind, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = Message.decode(data.recv(end - time.monotonic() + 0.01))
            if message.kind == kind:
                return message
        raise AssertionError("no " + kind)

    def test_wrong_activation_and_wrong_key(self):
        body = {"ActivationCode": "x" * 20, "ActivationId": self.lab.ready["activation_id"], "Fingerprint": FINGERPRINT,
                "PublicKey": "AAAA", "PublicKeyType": "Rsa"}
        status, answer = unsigned(self.lab, "RegisterManagedInstance", body)
        self.assertEqual((status, answer["__type"]), (400, "InvalidActivation"))
        body["ActivationCode"] = self.lab.ready["activation_code"]
        status, answer = unsigned(self.lab, "RegisterManagedInstance", body)
        self.assertEqual((status, answer["__type"]), (400, "ValidationException"))
        agent = Agent.register(self.lab, self.folder.name)
        self.assertEqual(role_token(self.lab, agent.id, agent.key_file, "other")[1]["__type"],
                         "MachineFingerprintDoesNotMatch")
        self.assertEqual(role_token(self.lab, "mi-00000000000000000", agent.key_file)[1]["__type"],
                         "UnrecognizedClientException")
        other = os.path.join(self.folder.name, "other.pem")
        subprocess.run(["openssl", "genrsa", "-out", other, "2048"], check=True, capture_output=True)
        self.assertEqual(role_token(self.lab, agent.id, other)[1]["__type"], "AccessDeniedException")
        self.assertFalse(agent.token["UpdateKeyPair"])
        self.assertGreater(agent.token["TokenExpirationDate"], time.time() + 1800)

    def test_registered_is_not_connected(self):
        agent = Agent.register(self.lab, self.folder.name)
        agent.ping()
        self.assertEqual(self.lab.must("GetConnectionStatus", {"Target": agent.id})["Status"], "notconnected")
        self.assert_fails(self.lab.api("StartSession", {"Target": agent.id}), 400, "TargetNotConnected")
        listed = self.lab.must("DescribeInstanceInformation", {})["InstanceInformationList"]
        self.assertEqual([(n["InstanceId"], n["PlatformName"], n["IPAddress"], n["ResourceType"]) for n in listed],
                         [(agent.id, "Python", "10.1.2.3", "ManagedInstance")])
        self.assertEqual(agent.api("ListInstanceAssociations", {"InstanceId": agent.id, "MaxResults": 20})[2],
                         {"Associations": []})
        self.assert_fails(agent.api("UpdateInstanceInformation", {"InstanceId": "mi-00000000000000000"}), 400,
                          "InvalidInstanceId")
        self.assert_fails(agent.api("StartSession", {"Target": agent.id}), 400, "AccessDeniedException")

    def test_what_the_gateway_refuses_an_agent(self):
        agent = self.agent()
        body = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4())}
        self.assertEqual(agent.create("control", agent.id, body, dict(agent.keys, secret_access_key="x"))[1], 403)
        token, status, text = agent.create("control", "mi-0123456789abcdef9", body)
        self.assertEqual((token, status), (None, 403))
        self.assertIn("<AccessDeniedException", text)
        self.assertEqual(agent.create("data", "nobody-0123456789", body)[1], 400)
        for path in (f"/v1/control-channel/{agent.id}?role=subscribe&stream=input", "/v1/control-channel/x", "/v1/x/y"):
            with self.assertRaises(Refused) as refused:
                WebSocket(self.lab, path)
            self.assertIn(refused.exception.args[0], (403, 404))
        with self.assertRaises(Refused):
            agent.upgrade(f"/v1/control-channel/{agent.id}?role=subscribe&stream=input",
                          dict(agent.keys, session_token="x"))
        websocket = agent.upgrade(f"/v1/control-channel/{agent.id}?role=subscribe&stream=input")
        websocket.send_text({"Cookie": None, "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()),
                             "TokenValue": "wrong", "AgentVersion": "3.3.0.0", "PlatformType": "linux"})
        with self.assertRaises(Closed):
            websocket.recv()

    def test_interactive_shell(self):
        agent = self.agent()
        self.lab.start("2222", agent.id)
        content = agent.next_shell()
        self.assertEqual(content["DocumentName"], "AWS-StartSSHSession")
        self.assertEqual(content["Parameters"], {"portNumber": "2222"})
        document = content["DocumentContent"]
        self.assertEqual((document["schemaVersion"], document["sessionType"], document["properties"]),
                         ("1.0", "Port", {"portNumber": "{{ portNumber }}"}))
        pattern = document["parameters"]["portNumber"].pop("allowedPattern")
        self.assertTrue(re.match(pattern, "65535") and not re.match(pattern, "65536"))
        self.assertEqual(document["parameters"]["portNumber"], {"type": "String", "default": "22"})
        self.assertEqual(document["inputs"]["kmsKeyId"], "")
        self.assertEqual((content["RunAsUser"], content["SessionOwner"]), ("", "arn:aws:iam::111122223333:user/lab-user"))
        self.lab.must("StartSession", {"Target": agent.id})
        shell = agent.next_shell()["DocumentContent"]
        self.assertEqual(shell["sessionType"], "Standard_Stream")
        self.assertNotIn("properties", shell)

    def test_a_whole_session(self):
        agent = self.agent()
        session, data = self.session(agent)
        client = Client(self.lab, session)
        request = {"AgentVersion": "3.3.0.0", "RequestedClientActions": [
            {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Port",
                                                               "Properties": {"portNumber": "2222"}}}]}
        first = Message("output_stream_data", json.dumps(request).encode(), 0, 1, HANDSHAKE_REQUEST)
        data.send(first.encode())
        client.until("the request", lambda: client.handshakes)
        self.assertEqual(client.handshakes[0].id, first.id)
        self.assertEqual(self.receive(data, "acknowledge").json()["AcknowledgedMessageId"], first.id)
        self.assertEqual(self.lab.session(session["SessionId"])["status"], "Connected")
        sent = client.send(client.response(), HANDSHAKE_RESPONSE)
        received = self.receive(data, "input_stream_data")
        self.assertEqual((received.id, received.payload_type, received.sequence), (sent.id, HANDSHAKE_RESPONSE, 0))
        data.send(Message("output_stream_data", b'{"HandshakeTimeToComplete":1,"CustomerMessage":""}', 1, 0,
                          HANDSHAKE_COMPLETE).encode())
        large = os.urandom(100000)
        data.send(Message("output_stream_data", large, 2, 0, OUTPUT).encode())
        client.until("a large message in fragments", lambda: client.output == large)
        # The same again: the client has acknowledged it, and so does the gateway in its place.
        acks = [self.receive(data, "acknowledge") for _ in range(2)]
        self.assertEqual([ack.json()["AcknowledgedMessageSequenceNumber"] for ack in acks], [1, 2])
        client.ack_duplicates = False
        again = Message("output_stream_data", large, 2, 0, OUTPUT)
        data.send(again.encode())
        ack = self.receive(data, "acknowledge").json()
        self.assertEqual((ack["AcknowledgedMessageType"], ack["AcknowledgedMessageId"],
                          ack["AcknowledgedMessageSequenceNumber"]), ("output_stream_data", again.id, 2))
        data.ping()
        data.send(Message("output_stream_data", b"end", 3, 0, OUTPUT).encode())
        client.until("the end", lambda: client.output.endswith(b"end"))
        self.receive(data, "acknowledge")
        self.assertEqual(data.pongs, [b"keepalive"])
        data.drop()
        agent.complete(session["SessionId"])
        agent.complete(session["SessionId"], "Failed", "a second one changes nothing")
        self.assertEqual(client.until_closed(), 1000)
        self.assertEqual(client.closed["Output"], "")
        self.assertEqual(self.lab.session(session["SessionId"])["status"], "Terminated")
        token, status, text = agent.create("data", session["SessionId"], {"MessageSchemaVersion": "1.0",
                                                                          "RequestId": str(uuid.uuid4())})
        self.assertEqual((token, status), (None, 400))
        self.assertIn("Session is already terminated", text)

    def test_failure_is_passed_on(self):
        agent = self.agent()
        session, data = self.session(agent)
        client = Client(self.lab, session)
        client.until("a start", lambda: client.published)
        text = "\n----------ERROR-------\nSetting up data channel failed"
        agent.complete(session["SessionId"], "Failed", text)
        client.until_closed()
        self.assertEqual(client.closed["Output"], text)
        with self.assertRaises(Closed):
            while True:
                data.recv()

    def test_pause_start_and_the_agents_return(self):
        agent = self.agent()
        session, data = self.session(agent)
        client = Client(self.lab, session)
        client.until("a start", lambda: client.published == ["start_publication"])
        client.websocket.drop()
        self.assertEqual(self.receive(data, "pause_publication").flags, 3)
        client.resume()
        self.receive(data, "start_publication")
        client.until("a start", lambda: len(client.published) == 2)
        data.drop()
        client.until("a pause", lambda: client.published[-1] == "pause_publication")
        data = agent.open_data(session["SessionId"], is_first=False)
        client.until("a start", lambda: client.published[-1] == "start_publication")
        client.send(b"x")
        self.assertEqual(self.receive(data, "input_stream_data").payload, b"x")

    def test_terminate_session_tells_the_agent(self):
        agent = self.agent()
        session, data = self.session(agent)
        client = Client(self.lab, session)
        client.until("a start", lambda: client.published)
        self.lab.must("TerminateSession", {"SessionId": session["SessionId"]})
        closed = self.receive(agent.control, "channel_closed").json()
        self.assertEqual(closed["SessionId"], session["SessionId"])
        self.assertEqual(self.receive(data, "channel_closed").json()["SessionId"], session["SessionId"])
        self.assertEqual(client.until_closed(), 1000)
        self.assertEqual(self.lab.session(session["SessionId"])["status"], "Terminating")
        agent.complete(session["SessionId"])
        self.assertEqual(self.lab.session(session["SessionId"])["status"], "Terminated")

    def test_sessions_of_a_node_that_is_gone(self):
        agent = self.agent()
        session, data = self.session(agent)
        data.drop()
        agent.control.drop()
        wait_for("the node to be gone",
                 lambda: self.lab.must("GetConnectionStatus", {"Target": agent.id})["Status"] == "notconnected")
        self.lab.must("TerminateSession", {"SessionId": session["SessionId"]})
        wait_for("its end", lambda: self.lab.session(session["SessionId"])["status"] == "Terminated")

    def test_another_nodes_credentials(self):
        agent, other = self.agent(), Agent.register(self.lab, self.folder.name)
        session, _ = self.session(agent)
        body = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "ClientId": ""}
        self.assertEqual(other.create("data", session["SessionId"], body)[1], 400)
        with self.assertRaises(Refused):
            other.upgrade(f"/v1/data-channel/{session['SessionId']}?role=publish_subscribe")

    def test_an_agent_with_an_identity_of_its_own(self):
        """CustomIdentity: any node id, with the account's own keys."""
        agent = Agent(self.lab, self.lab.keys, "i-0c0ffee0c0ffee000")
        agent.ping()
        agent.open_control()
        session, data = self.session(agent)
        client = Client(self.lab, session)
        client.until("a start", lambda: client.published)
        client.send(struct.pack("!I", 2), 10)
        self.assertEqual(self.receive(data, "input_stream_data").payload_type, 10)

    def test_the_long_poll(self):
        agent = Agent.register(self.lab, self.folder.name)
        self.lab.faults(long_poll_ms=1500)
        began = time.monotonic()
        request = {"Destination": agent.id, "MessagesRequestId": str(uuid.uuid4()), "VisibilityTimeoutInSeconds": 10}
        status, _, answer = agent.api("GetMessages", request, prefix="EC2WindowsMessageDeliveryService.",
                                      service="ec2messages")
        self.assertEqual((status, answer), (200, {"Destination": agent.id, "Messages": [],
                                                  "MessagesRequestId": request["MessagesRequestId"]}))
        self.assertGreater(time.monotonic() - began, 1.5)
