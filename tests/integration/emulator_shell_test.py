"""Shells and commands on the nodes of ssm-lab, seen from a client that shares no code with it."""

import json
import os
import pwd
import struct
import time

from emulator_support import FLAG, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, NODE, OUTPUT, Client, EmulatorCase, wait_for

SIZE, STDERR, EXIT_CODE = 3, 11, 12
TERMINATE = struct.pack("!I", 2)
COMMAND, INTERACTIVE = "AWS-StartNonInteractiveCommand", "AWS-StartInteractiveCommand"
OLD = "Please update session manager plugin version (minimum required version 1.2.312.0) for fully support of separate " \
    "StdOut/StdErr output.\r\n"


class Shell(Client):
    """Knows the payloads of programs, in the order of their coming."""

    def connect(self, token=None, path=None):
        self.pieces = []
        super().connect(token, path)

    def take(self, message):
        before = self.expected
        super().take(message)
        if self.expected > before and message.payload_type in (OUTPUT, STDERR, EXIT_CODE):
            self.pieces.append((message.payload_type, message.payload))
        return message

    def text(self, payload_type=OUTPUT):
        return b"".join(payload for kind, payload in self.pieces if kind == payload_type)

    def say(self, text):
        self.until_acknowledged(self.send(text))

    def resize(self, columns, rows):
        return self.send(b'{"cols":%d,"rows":%d}' % (columns, rows), SIZE)


class EmulatorShellTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.lab.faults(shell_delay_ms=0)

    def start(self, document=None, **parameters):
        request = {"Target": NODE}
        if document:
            request.update(DocumentName=document, Parameters={name: [value] for name, value in parameters.items()})
        return self.lab.must("StartSession", request)

    def shell(self, *arguments, **parameters):
        return Shell(self.lab, self.start(*arguments, **parameters))

    def command(self, command, version="1.2.650.0", **parameters):
        """A command without terminal, past its handshake."""
        client = Shell(self.lab, self.start(COMMAND, command=command, **parameters), connect=False)
        client.version = version
        client.connect()
        client.until("the handshake request", lambda: client.handshakes)
        request = client.handshakes[0]
        self.assertEqual((request.payload_type, request.sequence, request.flags), (HANDSHAKE_REQUEST, 0, 1))
        self.assertEqual(request.json()["RequestedClientActions"],
                         [{"ActionType": "SessionType", "ActionParameters": {"SessionType": "NonInteractiveCommands", "Properties": None}}])
        client.send(client.response(), HANDSHAKE_RESPONSE)
        return client

    def drain(self, client):
        try:
            while True:
                client.step(0.3)
        except TimeoutError:
            pass

    def ended(self, client):
        client.until_closed()
        wait_for("the session's end", lambda: self.status_of(client) == "Terminated")
        self.assertEqual(client.closed["Output"], "")
        return client

    # ---- what is refused ----

    def test_parameters(self):
        for document, parameters, word in ((INTERACTIVE, {}, "command"), (COMMAND, {"command": ["true"], "separateOutputStream": ["yes"]}, "yes"),
                                           (COMMAND, {"command": ["true"], "stdOutSeparatorPrefix": ["$"]}, "stdOut"),
                                           (None, {"command": ["true"]}, "command")):
            request = {"Target": NODE, "Parameters": parameters, **({"DocumentName": document} if document else {})}
            self.assert_fails(self.lab.api("StartSession", request), 400, "InvalidParameters", word)

    def test_commands_that_cannot_start(self):
        for command, words in (("/nowhere/at-all", b"No such file"), ("no-such-program-at-all x", b"No such file"),
                               ("echo 'open", b"EOF found when expecting closing quote"), (" # nothing", b"No such file")):
            client = self.ended(self.command(command, separateOutputStream="true"))
            self.assertEqual([kind for kind, _ in client.pieces], [STDERR, EXIT_CODE], command)
            self.assertIn(words, client.text(STDERR))
            self.assertEqual(client.text(EXIT_CODE), b"EXIT_CODE: 1")
        self.assertEqual([kind for kind, _ in self.ended(self.command("/nowhere")).pieces], [STDERR])

    def test_a_document_that_the_caller_may_not_use(self):
        """With ssm:SessionDocumentAccessCheck the default document wants a permission, too; a named one does in any case."""
        own, default = (f"arn:aws:ssm:*:*:document/{name}" for name in ("mine", "SSM-SessionManagerRunShell"))
        nodes = "arn:aws:ec2:*:*:instance/*"
        content = {"schemaVersion": "1.0", "sessionType": "InteractiveCommands", "properties": {"linux": {"commands": "true"}}}
        for name in ("mine", "other"):
            self.lab.must("CreateDocument", {"Name": name, "DocumentType": "Session", "Content": json.dumps(content)})
        checked = {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}
        for resources, condition, allowed in (([nodes], {}, [None]), ([nodes], checked, []), ([nodes, own], checked, ["mine"]),
                                              ([nodes, own], {}, ["mine", None]), ([nodes, default], checked, [None])):
            statement = {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": resources, "Condition": condition}
            status, _, data = self.lab.http(self.lab.api_address, "POST", "/lab/identity", json.dumps(
                {"issue_key": {"name": "somebody", "policy": {"Statement": [statement]}}}).encode())
            self.assertEqual(status, 200, data)
            for document in ("mine", "other", None):
                request = {"Target": NODE, **({"DocumentName": document} if document else {})}
                answer = self.lab.api("StartSession", request, json.loads(data)["key"])
                self.assertEqual(answer[:2], (200, "") if document in allowed else (400, "AccessDeniedException"),
                                 (resources, condition, document, answer))

    # ---- on a terminal ----

    def test_a_shell(self):
        client = self.shell()
        client.resize(91, 33)
        client.say(b"stty size; tty; id -un; echo $TERM $HOME; pwd; echo err >&2\r")
        client.until("its answers", lambda: b"\r\nerr" in client.output)
        self.assertEqual(client.handshakes, [])
        me = pwd.getpwuid(os.getuid())
        for word in ("33 91", "/dev/pts/", me.pw_name, "xterm-256color " + me.pw_dir, "\r\n/\r\n"):
            self.assertIn(word.encode(), client.output)
        client.until_acknowledged(client.resize(120, 40))
        client.say(b"stty size\r")
        client.until("the new size", lambda: b"40 120" in client.output)
        client.say(b"sh -c \"echo sta''rted; sleep 100\"\r")
        client.until("the start", lambda: b"started" in client.output)
        while b"status 130" not in client.output:  # a job that is just starting may miss one
            client.say(b"\x03")
            client.say(b"echo status $?\r")
            self.drain(client)
        client.until_acknowledged(client.send(TERMINATE, FLAG))  # is ignored
        client.say(b"exit 7\r")
        self.ended(client)

    def test_nothing_happens_for_a_second(self):
        self.lab.faults(shell_delay_ms=400)
        began = time.monotonic()
        client = self.shell()
        size, text = client.resize(80, 24), client.send(b"echo hi; exit\r")
        client.until_acknowledged(size)
        client.until_acknowledged(text)
        self.assertGreaterEqual(time.monotonic() - began, 0.4)
        self.assertGreaterEqual(self.counters()["not_ready"], 2)
        client.until("output", lambda: client.output)
        self.assertGreaterEqual(time.monotonic() - began, 0.8)
        self.ended(client)
        self.assertIn(b"hi", client.output)

    def test_an_interactive_command(self):
        client = self.shell(INTERACTIVE, command="printf 'name? '; read -r name; echo \"hello $name\" | tr a-z A-Z")
        client.until("the question", lambda: client.output == b"name? ")
        client.say(b"you\r")
        self.ended(client)
        self.assertEqual(client.output, b"name? you\r\nHELLO YOU\r\n")

    def test_output_is_cut_between_characters(self):
        text = "a" * 1022 + "€" * 700 + "𝄞" * 700
        client = self.ended(self.shell(INTERACTIVE, command=f"printf %s '{text}'; printf '\\342\\202'"))
        *whole, (_, rest) = client.pieces
        for kind, payload in whole:
            payload.decode()
            self.assertTrue(kind == OUTPUT and len(payload) <= 1027)
        self.assertEqual(client.output.decode(errors="surrogateescape").replace("\udce2\udc82", "?"), text + "?")

    def test_the_end_from_outside_ends_the_program(self):
        client = self.shell()
        client.say(b"trap '' HUP TERM; sh -c 'echo pids $PPID $$ end; sleep 1000'\r")
        client.until("its ids", lambda: b" end\r\n" in client.output.split(b"1000'", 1)[-1])
        pids = client.output.split(b"pids ")[-1].split()[:2]
        self.assertTrue(all(os.path.exists(b"/proc/" + pid) for pid in pids), pids)
        self.lab.must("TerminateSession", {"SessionId": client.session["SessionId"]})
        self.ended(client)
        wait_for("the end of the programs", lambda: not any(os.path.exists(b"/proc/" + pid) for pid in pids))

    def test_preferences_type_something_first(self):
        content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                   "inputs": {"kmsKeyId": "", "shellProfile": {"linux": "echo from the profile"}}}
        self.lab.must("CreateDocument", {"Name": "SSM-SessionManagerRunShell", "DocumentType": "Session", "Content": json.dumps(content)})
        client = self.shell()
        client.until("its echo and its output", lambda: client.output.count(b"from the profile\r\n") == 2)
        client.say(b"exit\r")
        self.ended(client)

    # ---- without one ----

    def test_a_command(self):
        client = self.ended(self.command("sh -c 'echo \"one two\"; echo three >&2; test -t 0 || echo no terminal; cat; exit 5'"))
        self.assertEqual(client.pieces, [(OUTPUT, b"one two\nthree\nno terminal\n")])
        self.assertEqual(client.handshakes[1].json()["CustomerMessage"], "")
        client = self.ended(self.command("printf '%s|%s\\n' '$HOME' \"a\\\"b\" c\\ d # e", version="1.0.0.0"))
        self.assertEqual(client.pieces, [(OUTPUT, b'$HOME|a"b\nc d|\n')])

    def test_separate_output(self):
        script = "printf \"one\\ntwo\"; sleep 0.2; echo err >&2; sleep 0.2; printf x; exit 42"
        client = self.ended(self.command(f"sh -c '{script}'", separateOutputStream="true", stdOutSeparatorPrefix="OUT:",
                                         stdErrSeparatorPrefix="ERR_"))
        self.assertEqual(client.pieces, [(OUTPUT, b"OUT:one\n"), (OUTPUT, b"OUT:two"), (STDERR, b"ERR_err\n"), (OUTPUT, b"OUT:x"),
                                         (EXIT_CODE, b"EXIT_CODE: 42")])
        client = self.ended(self.command("sh -c 'kill -9 $$'", separateOutputStream="true"))
        self.assertEqual(client.pieces, [(EXIT_CODE, b"EXIT_CODE: -1")])

    def test_much_output(self):
        for separate in ("false", "true"):
            client = self.ended(self.command("seq 1 4000", separateOutputStream=separate))
            self.assertEqual(client.text().split(), [b"%d" % i for i in range(1, 4001)])
            self.assertTrue(all(len(payload) <= 1027 for _, payload in client.pieces))

    def test_only_two_bytes_are_looked_for(self):
        client = self.command("sh -c 'trap \"echo quit\" QUIT; trap \"exit 130\" INT; echo ready; while :; do sleep 0.05; done'", separateOutputStream="true")
        client.until("the program", lambda: client.pieces)
        client.until_acknowledged(client.resize(1, 1))
        client.say(b"exit\n\x1a\x04x")
        client.say(b"\x1c")
        client.until("the signal", lambda: client.text() == b"ready\nquit\n")
        client.say(b"x\x03")
        self.assertEqual(self.ended(client).pieces[-1], (EXIT_CODE, b"EXIT_CODE: 130"))

    def test_old_clients_are_told_to_update(self):
        for version, separate, message in (("1.2.295", "true", OLD), ("1.2.295", "false", ""), ("1.2.295.0", "true", "")):
            client = self.ended(self.command("true", version, separateOutputStream=separate))
            self.assertEqual(client.handshakes[1].json()["CustomerMessage"], message, (version, separate))

    def test_a_pause_ends_separate_output(self):
        client = self.command("sleep 1000", separateOutputStream="true")
        client.until("the handshake", lambda: len(client.handshakes) == 2)
        wait_for("the start", lambda: self.status_of(client) == "Connected")
        client.websocket.drop()
        wait_for("its end", lambda: self.status_of(client) == "Terminated")
        self.assertIn("Data Channel not in active status", self.lab.session(client.session["SessionId"])["output"])
