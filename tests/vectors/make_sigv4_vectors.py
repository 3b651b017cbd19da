#!/usr/bin/python3
"""Computes tests/vectors/sigv4_botocore.json with Debian's python3-botocore: an independent signer.

    tests/vectors/make_sigv4_vectors.py > tests/vectors/sigv4_botocore.json

Each case has the request as our signer takes it (path and query as on the wire) and botocore's canonical request, string
to sign and Authorization value. The output does not depend on the day it is made. The keys are AWS's published
documentation examples or were made up here."""

import datetime
import json
import sys
from unittest import mock

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJIMEYCIQD+/=" * 6
JSON_1_1 = "application/x-amz-json-1.1"


def case(name, method="POST", path="/", query="", headers=(), body="", region="us-east-1", service="ssm",
         time="2015-08-30T12:36:00", token=None, secret=SECRET, key_id=KEY_ID):
    return locals()


def ssm(name, operation, body, region="eu-west-1", host=None, **more):
    host = host or "ssm.%s.amazonaws.com" % region
    headers = [["Host", host], ["Content-Type", JSON_1_1], ["X-Amz-Target", "AmazonSSM." + operation]]
    return case(name, headers=headers, body=json.dumps(body, separators=(",", ":")), region=region, **more)


START = {"Target": "i-0123456789abcdef0", "DocumentName": "AWS-StartSSHSession", "Parameters": {"portNumber": ["22"]}}
SESSION = {"SessionId": "alice-jbsvx7hu63l2yn3ef4gapt7ug8"}


def host(name):
    return [["Host", name]]


CASES = [
    ssm("start session", "StartSession", START),
    ssm("start session with a token", "StartSession", START, token=TOKEN),
    ssm("start session with a reason in UTF-8", "StartSession", dict(START, Reason="Störung 42 – прод")),
    ssm("resume session", "ResumeSession", SESSION, token=TOKEN),
    ssm("terminate session", "TerminateSession", SESSION),
    ssm("describe nodes", "DescribeInstanceInformation",
        {"Filters": [{"Key": "tag:Name", "Values": ["web 1"]}], "MaxResults": 50}),
    ssm("empty object", "GetConnectionStatus", {}),
    ssm("body of 4 KiB", "StartSession", dict(START, Reason="x" * 4096)),
    ssm("China", "StartSession", START, region="cn-north-1", host="ssm.cn-north-1.amazonaws.com.cn"),
    ssm("GovCloud", "StartSession", START, region="us-gov-west-1"),
    ssm("isolated region", "StartSession", START, region="us-iso-east-1", host="ssm.us-iso-east-1.c2s.ic.gov"),
    ssm("European sovereign cloud", "StartSession", START, region="eusc-de-east-1",
        host="ssm.eusc-de-east-1.amazonaws.eu"),
    ssm("region with capitals", "StartSession", START, region="Test-Region-9", host="127.0.0.1:9843"),
    ssm("IPv6 endpoint with a port", "StartSession", START, host="[::1]:9843"),
    ssm("leap day", "StartSession", START, time="2024-02-29T23:59:59"),
    ssm("first second of a year", "StartSession", START, time="2025-01-01T00:00:00"),
    ssm("last day of a century year", "StartSession", START, time="2000-12-31T12:00:00"),
    ssm("first day of March 2100", "StartSession", START, time="2100-03-01T00:00:01"),
    ssm("secret with every kind of character", "StartSession", START, secret="a/b+c=d~!@#$%^&*()", key_id="ASIA" + "X" * 124),
    case("STS call", service="sts", region="us-west-2", body="Action=GetCallerIdentity&Version=2011-06-15",
         headers=host("sts.us-west-2.amazonaws.com")
         + [["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"]]),
    case("EC2 call with a token", service="ec2", region="ap-southeast-3", token=TOKEN,
         body="Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3AName&Filter.1.Value.1=web%201",
         headers=host("ec2.ap-southeast-3.amazonaws.com")
         + [["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"]]),
    case("GET of a data channel path", "GET", path="/v1/data-channel/alice-0a1b2c3d4e5f67890",
         query="role=publish_subscribe&cell-number=AAEAA", service="ssmmessages",
         headers=host("ssmmessages.us-east-1.amazonaws.com")),
    case("GET with an unsorted query", "GET", query="b=2&a=1&a=0&B=3", headers=host("example.amazonaws.com")),
    case("GET with a name that begins another", "GET", query="ab=1&a=2&a-b=3&a.b=4",
         headers=host("example.amazonaws.com")),
    case("GET with escapes in the query", "GET", query="k%20ey=a%2Fb%3Dc&z=~&e=%E1%88%B4",
         headers=host("example.amazonaws.com")),
    case("GET with a bare name", "GET", query="versions&a=", headers=host("example.amazonaws.com")),
    case("GET with escapes in the path", "GET", path="/role/session%20name/x%2Fy", headers=host("example.amazonaws.com")),
    case("GET with a path to tidy", "GET", path="/a/./b/../c//d/", headers=host("example.amazonaws.com")),
    case("headers to trim and to sort", "PUT", path="/x", body="payload",
         headers=[["X-Zeta", "  two   blanks "], ["Host", "example.amazonaws.com"], ["x-alpha", "A"],
                  ["Content-Type", "text/plain"]]),
    case("header without a value", headers=[["Host", "example.amazonaws.com"], ["X-Empty", ""]]),
    case("DELETE with a token", "DELETE", path="/thing", token=TOKEN, headers=host("example.amazonaws.com")),
]


def sign(given):
    now = datetime.datetime.fromisoformat(given["time"])
    host_name = next(value for name, value in given["headers"] if name == "Host")
    url = "https://%s%s%s" % (host_name, given["path"], "?" + given["query"] if given["query"] else "")
    request = AWSRequest(method=given["method"], url=url, data=given["body"].encode())
    for name, value in given["headers"]:
        request.headers[name] = value
    signer = botocore.auth.SigV4Auth(Credentials(given["key_id"], given["secret"], given["token"]), given["service"],
                                     given["region"])
    seen = {}

    def watch(name):
        original = getattr(signer, name)

        def wrapper(*arguments):
            seen[name] = original(*arguments)
            return seen[name]
        return mock.patch.object(signer, name, wrapper)

    with mock.patch("botocore.auth.datetime.datetime", mock.Mock(utcnow=lambda: now)), \
            watch("canonical_request"), watch("string_to_sign"):
        signer.add_auth(request)
    return dict(given, unix_seconds=int(now.replace(tzinfo=datetime.timezone.utc).timestamp()),
                canonical_request=seen["canonical_request"], string_to_sign=seen["string_to_sign"],
                authorization=request.headers["Authorization"])


def main():
    document = {"about": "Made by make_sigv4_vectors.py with botocore " + botocore.__version__,
                "cases": [sign(given) for given in CASES]}
    json.dump(document, sys.stdout, indent=1, sort_keys=True)
    print()


main()
