"""KMS and encrypted sessions of ssm-lab, seen from a client that shares no code with it; botocore as a witness."""

import base64
import ctypes
import ctypes.util
import json
import os
import subprocess

from emulator_support import HANDSHAKE_RESPONSE, NODE, OUTPUT, Client, EmulatorCase, Message

SIZE, CHALLENGE, ANSWER, STDERR, EXIT_CODE = 3, 8, 9, 11, 12
INTERACTIVE, COMMAND = "AWS-StartInteractiveCommand", "AWS-StartNonInteractiveCommand"
WITNESS = """
import base64, json, botocore.session
client = botocore.session.get_session().create_client("kms")
key = client.generate_data_key(KeyId="alias/lab-sessions", NumberOfBytes=64, EncryptionContext={"a": "b"})
again = client.decrypt(CiphertextBlob=key["CiphertextBlob"], EncryptionContext={"a": "b"}, KeyId=key["KeyId"])
errors = []
for name, call in (("wrong", lambda: client.decrypt(CiphertextBlob=key["CiphertextBlob"])),
                   ("none", lambda: client.generate_data_key(KeyId="alias/nowhere", KeySpec="AES_256"))):
    try:
        call()
    except client.exceptions.ClientError as error:
        errors.append(error.response["Error"]["Code"])
print(json.dumps([len(key["Plaintext"]), key["Plaintext"] == again["Plaintext"], key["KeyId"], again["KeyId"], errors]))
"""

crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
    getattr(crypto, name).restype = ctypes.c_void_p


def gcm(key, nonce, data, tag=None):
    """Encrypts, with the tag at the end; with a tag, decrypts. None: not authentic."""
    context, length, out = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new()), ctypes.c_int(), ctypes.create_string_buffer(len(data) + 16)
    crypto.EVP_CipherInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, key, nonce, 0 if tag else 1)
    crypto.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data))
    if tag:
        crypto.EVP_CIPHER_CTX_ctrl(context, 0x11, 16, tag)
    is_right = crypto.EVP_CipherFinal_ex(context, ctypes.create_string_buffer(16), ctypes.byref(length)) == 1
    made = ctypes.create_string_buffer(0 if tag else 16)
    if not tag:
        crypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, made)
    crypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:len(data)] + made.raw if is_right else None


def seal(key, data):
    nonce = os.urandom(12)
    return nonce + gcm(key, nonce, data)


def unseal(key, payload):
    plain = gcm(key, payload[:12], payload[12:-16], payload[-16:])
    assert plain is not None, "not authentic"
    return plain


class Encrypted(Client):
    """A client past the handshake of an encrypted session; `pieces` are decrypted."""

    def open(self, challenge=True, **context):
        self.pieces, self.nonces = [], []
        self.until("the request", lambda: self.handshakes)
        kind, encryption = self.handshakes[0].json()["RequestedClientActions"]
        assert kind["ActionType"] == "SessionType" and encryption["ActionType"] == "KMSEncryption", kind
        wanted = encryption["ActionParameters"]
        assert len(base64.b64decode(wanted["Challenge"])) == 16
        pairs = {"aws:ssm:SessionId": self.session["SessionId"], "aws:ssm:TargetId": NODE}
        if challenge:
            pairs["aws:ssm:RandomChallenge"] = wanted["Challenge"]
        pairs.update(context)
        key = self.lab.kms("GenerateDataKey", KeyId=wanted["KMSKeyId"], NumberOfBytes=64, EncryptionContext=pairs)[2]
        self.key = base64.b64decode(key["Plaintext"])
        result = {"KMSCipherTextKey": key["CiphertextBlob"], "KMSCipherTextHash": None}
        if challenge:
            result["ChallengeAcknowledgement"] = True
        response = json.loads(self.response())
        response["ProcessedClientActions"].append({"ActionType": "KMSEncryption", "ActionStatus": 1, "ActionResult": result, "Error": ""})
        self.send(json.dumps(response).encode(), HANDSHAKE_RESPONSE)
        return self

    def answer(self, change=lambda plain: plain):
        self.until("the challenge", lambda: len(self.handshakes) > 1)
        assert self.handshakes[1].payload_type == CHALLENGE
        plain = unseal(self.key[:32], base64.b64decode(self.handshakes[1].json()["Challenge"]))
        assert len(plain) == 64
        text = base64.b64encode(seal(self.key[32:], change(plain))).decode()
        self.send(json.dumps({"Challenge": text}).encode(), ANSWER)
        return self

    def complete(self):
        self.until("completion", lambda: len(self.handshakes) > 2)
        assert self.handshakes[2].json()["CustomerMessage"] == "This session is encrypted using AWS KMS."
        return self

    def take(self, message):
        before = self.expected
        super().take(message)
        if self.expected > before and message.payload_type in (OUTPUT, STDERR, EXIT_CODE):
            self.nonces.append(int.from_bytes(message.payload[:12], "little"))
            self.pieces.append((message.payload_type, unseal(self.key[:32], message.payload)))
        return message

    def text(self, payload_type=OUTPUT):
        return b"".join(payload for kind, payload in self.pieces if kind == payload_type)

    def say(self, text):
        self.until_acknowledged(self.send(seal(self.key[32:], text)))


class EmulatorKmsTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.lab.faults(shell_delay_ms=0)
        self.lab.kms = self.kms
        self.key = self.lab.ready["kms"]["lab-sessions"]

    def kms(self, operation, keys=None, **body):
        return self.lab.api(operation, body, keys, prefix="TrentService.", service="kms")

    def prefer(self, key, name="SSM-SessionManagerRunShell", **members):
        content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"kmsKeyId": key}, **members}
        self.lab.must("CreateDocument", {"Name": name, "DocumentType": "Session", "Content": json.dumps(content)})

    def start(self, document=None, **parameters):
        request = {"Target": NODE, **({"DocumentName": document} if document else {})}
        if parameters:
            request["Parameters"] = {name: [value] for name, value in parameters.items()}
        return Encrypted(self.lab, self.lab.must("StartSession", request))

    def assert_refused(self, client, *words):
        client.until_closed()
        for word in words:
            self.assertIn(word, client.closed["Output"])

    # ---- KMS ----

    def test_what_kms_refuses(self):
        arn, denied = self.key["arn"], self.lab.ready["denied"]
        disabled = self.lab.ready["kms"]["lab-disabled"]
        for body, kind, *words in (({"KeyId": "alias/nowhere", "NumberOfBytes": 64}, "NotFoundException", "Alias arn:aws:kms:us-east-1:", "is not found."),
                                   ({"KeyId": arn[:-1] + "0", "NumberOfBytes": 64}, "NotFoundException", "Key 'arn:aws:kms", "does not exist"),
                                   ({"KeyId": disabled["alias"], "NumberOfBytes": 64}, "DisabledException", disabled["arn"] + " is disabled."),
                                   ({"KeyId": arn}, "ValidationException", "number of bytes or key spec"),
                                   ({"KeyId": arn, "NumberOfBytes": 64, "KeySpec": "AES_256"}, "ValidationException", "number of bytes"),
                                   ({"KeyId": arn, "NumberOfBytes": 1025}, "ValidationException", "less than or equal to 1024"),
                                   ({"KeyId": arn, "NumberOfBytes": 0}, "ValidationException", "greater than or equal to 1"),
                                   ({"NumberOfBytes": 64}, "ValidationException", "keyId"),
                                   ({"KeyId": arn, "NumberOfBytes": 64, "EncryptionContext": {"a": 1}}, "SerializationException")):
            self.assert_fails(self.kms("GenerateDataKey", **body), 400, kind, *words)
        self.assert_fails(self.kms("GenerateDataKey", denied, KeyId=arn, NumberOfBytes=64), 400, "AccessDeniedException",
                          "kms:GenerateDataKey on resource: " + arn)
        self.assert_fails(self.lab.api("GenerateDataKey", {"KeyId": arn}, prefix="TrentService.", service="ssm"), 400, "InvalidSignatureException")

    def test_a_key_opens_with_its_context_alone(self):
        context = {"aws:ssm:SessionId": "x", "aws:ssm:TargetId": "y"}
        other = self.lab.ready["kms"]["lab-other"]
        for name in self.key.values():
            status, _, made = self.kms("GenerateDataKey", KeyId=name, NumberOfBytes=64, EncryptionContext=context)
            self.assertEqual((status, made["KeyId"], len(base64.b64decode(made["Plaintext"]))), (200, self.key["arn"], 64))
        blob = made["CiphertextBlob"]
        for wrong in ({}, {"EncryptionContext": {"aws:ssm:SessionId": "x"}}, {"EncryptionContext": dict(context, z="")},
                      {"EncryptionContext": dict(context, **{"aws:ssm:TargetId": "Y"})}):
            self.assert_fails(self.kms("Decrypt", CiphertextBlob=blob, **wrong), 400, "InvalidCiphertextException")
        flipped = bytearray(base64.b64decode(blob))
        flipped[-1] ^= 1
        self.assert_fails(self.kms("Decrypt", CiphertextBlob=base64.b64encode(flipped).decode(), EncryptionContext=context), 400,
                          "InvalidCiphertextException")
        self.assert_fails(self.kms("Decrypt", CiphertextBlob="AAAA"), 400, "InvalidCiphertextException")
        self.assert_fails(self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context, KeyId=other["alias"]), 400, "IncorrectKeyException")
        self.assert_fails(self.kms("Decrypt", self.lab.ready["denied"], CiphertextBlob=blob, EncryptionContext=context), 400,
                          "AccessDeniedException", "kms:Decrypt")
        back = {"aws:ssm:TargetId": "y", "aws:ssm:SessionId": "x"}
        status, _, opened = self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=back, KeyId=self.key["id"])
        self.assertEqual((status, opened["Plaintext"]), (200, made["Plaintext"]))

    def test_botocore(self):
        environment = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": self.lab.keys["access_key_id"], "HOME": "/nonexistent",
                       "AWS_SECRET_ACCESS_KEY": self.lab.keys["secret_access_key"], "AWS_DEFAULT_REGION": self.lab.region,
                       "AWS_CA_BUNDLE": self.lab.ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
        proxy = self.lab.ready["proxy"]["url"]  # botocore of Debian 12 knows no AWS_ENDPOINT_URL_KMS
        result = subprocess.run(["/usr/bin/python3", "-c", WITNESS], env=dict(environment, HTTPS_PROXY=proxy), capture_output=True,
                                text=True, timeout=60)
        if "No module named 'botocore'" in result.stderr:
            self.skipTest("botocore is not there")
        self.assertEqual(result.stderr, "")
        self.assertEqual(json.loads(result.stdout), [64, True, self.key["arn"], self.key["arn"],
                                                     ["InvalidCiphertextException", "NotFoundException"]])

    # ---- sessions that do not begin ----

    def test_the_wrong_context(self):
        self.prefer(self.key["arn"])
        words = ("Fetching data key failed: Unable to retrieve data key, Error when decrypting data key", "InvalidCiphertextException")
        self.assert_refused(self.start().open(**{"aws:ssm:TargetId": "node"}), *words)
        self.assert_refused(self.start().open(challenge=False, **{"aws:ssm:RandomChallenge": "AAAA"}), *words)

    def test_a_node_that_may_not_decrypt(self):
        self.prefer(self.lab.ready["kms"]["lab-denied-to-nodes"]["alias"])
        self.assert_refused(self.start().open(), "AccessDeniedException", "kms:Decrypt on resource: ")

    def test_the_wrong_answer(self):
        self.prefer(self.key["arn"])
        self.assert_refused(self.start().open().answer(lambda plain: plain[::-1]), "Encryption challenge does not match")

    def test_no_answer(self):
        self.lab.faults(handshake_timeout_ms=300)
        self.prefer(self.key["arn"])
        self.assert_refused(self.start().open(), "Timed out waiting for encryption challenge.")

    def test_a_client_without_the_random_challenge(self):
        self.prefer(self.key["arn"])
        self.lab.faults(require_kms_challenge=True)
        self.assert_refused(self.start().open(challenge=False), "client does not support required encryption context random challenge")
        self.start().open().answer().complete()
        self.lab.faults(require_kms_challenge=False)
        self.start().open(challenge=False).answer().complete()

    def test_data_before_there_is_a_key(self):
        self.prefer(self.key["arn"])
        self.lab.faults(handshake_timeout_ms=400)
        client = self.start()
        client.pieces = []
        client.until("the request", lambda: client.handshakes)
        client.send(b"too early")
        client.send(client.response(), HANDSHAKE_RESPONSE)
        self.assert_refused(client, "Handshake timed out.")
        self.assertEqual(client.acknowledged, [])

    # ---- sessions ----

    def test_an_encrypted_shell(self):
        self.prefer(self.key["alias"])
        client = self.start().open().answer().complete()
        client.until_acknowledged(client.send(b'{"cols":77,"rows":22}', SIZE))
        clear = client.send(b"echo in the clear\r")  # what is not from the client does not count
        client.websocket.send(Message("input_stream_data", seal(client.key[32:], b"stty size; exit\r"), clear.sequence, 0, OUTPUT).encode())
        client.until("its output", lambda: b"22 77" in client.text())
        client.until_closed()
        self.assertNotIn(b"in the clear", client.text())
        self.assertEqual(client.closed["Output"], "")
        first = client.nonces[0]
        self.assertEqual(client.nonces, [(first + i) % 2 ** 96 for i in range(len(client.nonces))])

    def test_documents_without_inputs_go_by_the_preferences(self):
        self.prefer(self.key["id"])
        client = self.start(INTERACTIVE, command="echo hidden").open().answer().complete()
        client.until_closed()
        self.assertEqual(client.text(), b"hidden\r\n")
        client = self.start(COMMAND, command="sh -c 'echo out; echo err >&2; exit 3'", separateOutputStream="true").open().answer().complete()
        client.until_closed()
        self.assertEqual([client.text(kind) for kind in (OUTPUT, STDERR, EXIT_CODE)], [b"out\n", b"err\n", b"EXIT_CODE: 3"])
        target = self.target()
        Client(self.lab, self.lab.start(target.port)).handshake({"portNumber": str(target.port)})  # never

    def test_a_document_of_ones_own(self):
        self.prefer(self.key["arn"], name="encrypted-command", sessionType="InteractiveCommands",
                    parameters={"word": {"type": "String", "allowedPattern": "^[a-z]+$"}},
                    properties={"linux": {"commands": "echo the word is {{ word }}."}})
        client = self.start("encrypted-command", word="hello").open().answer().complete()
        client.until_closed()
        self.assertEqual(client.text(), b"the word is hello.\r\n")
        plain = Client(self.lab, self.lab.must("StartSession", {"Target": NODE}))  # the preferences are as they were
        plain.until("a prompt in the clear", lambda: plain.output)
