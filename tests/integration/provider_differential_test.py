"""credential_process and the containers' URIs against the AWS CLI's own code, over random settings: the same words, or both
refuse; the same hosts.

Intended differences: an empty setting counts as none; https may go to any host, and http to the agents of EKS and to all of
127.0.0.0/8 and ::1, as newer SDKs have it; a relative URI begins with a slash, or it would name another host."""

import json
import os
import random
import subprocess
import unittest
from urllib.parse import urlsplit

from aws_config_differential_test import BUILD_DIR, IS_CLI, seed

if IS_CLI:
    from awscli.botocore.compat import compat_shell_split
    from awscli.botocore.utils import ContainerMetadataFetcher

PROBE = os.path.join(BUILD_DIR, "tests", "integration", "provider_probe")
PIECES = ["a", "b", "/bin/x", " ", " ", "  ", "\t", "\n", "\r", "'", "'", '"', '"', "\\", "\\", "#", "$HOME", "~", ";", "&", "|", "<", "*",
          "\u00e4", "\u00a0", "\u2003", "=", "-", ",", "''", '""', "\\'", '\\"', "\\\\", "`", "(", ")", "!", "\x01"]
SCHEMES = ["http", "http", "http", "https", "HTTP", "ftp", ""]
HOSTS = ["169.254.170.2", "localhost", "127.0.0.1", "169.254.170.3", "169.254.169.254", "example.com", "127.0.0.1.example.com",
         "localhost.example.com", "169.254.170.2.example.com", "10.0.0.1", "0.0.0.0", "[::1]", "[fd00:ec2::1]", "LOCALHOST", "2130706433",
         "0x7f.1", "127.1", "169.254.170.2@example.com", "example.com@169.254.170.2", "example.com#@localhost", "a b", "localhost\\@example.com"]
NEWER = ("https", "127.", "::1", "169.254.170.23", "fd00:ec2::23")


def ask(cases):
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([PROBE], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def split(command):
    try:
        return compat_shell_split(command)
    except ValueError:
        return None


class Asked(Exception):
    pass


def host_asked(url):
    """The host that the AWS CLI would send the token to; None when it refuses."""
    class Session:
        def send(self, request):
            raise Asked(urlsplit(request.url).hostname)

    try:
        ContainerMetadataFetcher(session=Session(), sleep=lambda _: None).retrieve_full_uri(url, {"Authorization": "x"})
    except Asked as asked:
        return asked.args[0]
    except Exception:  # whatever it is: nobody is asked
        return None
    return None


@unittest.skipUnless(IS_CLI, "the package awscli is not installed")
class ProviderDifferentialTest(unittest.TestCase):
    def test_words(self):
        rng = random.Random(seed())
        cases = [{"command": "".join(rng.choice(PIECES) for _ in range(rng.randrange(0, 14)))} for _ in range(6000)]
        refused = 0
        for case, ours in zip(cases, ask(cases), strict=True):
            theirs = split(case["command"])
            refused += theirs is None
            self.assertEqual(ours.get("words"), theirs, repr(case["command"]))
        print("%d commands, %d of them refused" % (len(cases), refused))
        self.assertTrue(1000 < refused < 5000)

    def test_hosts(self):
        rng = random.Random(seed())
        cases = [{"full": "%s://%s%s%s" % (rng.choice(SCHEMES), rng.choice(HOSTS), rng.choice(["", "", ":80", ":x", ":99999"]),
                                           rng.choice(["", "/", "/a?b=c", "/@example.com", "?x", "#x"]))} for _ in range(2000)]
        counts = {"both": 0, "neither": 0, "only ours": 0, "only theirs": 0}
        for case, ours in zip(cases, ask(cases), strict=True):
            mine, theirs = urlsplit(ours.get("url", "")).hostname, host_asked(case["full"])
            name = "both" if mine and theirs else "only ours" if mine else "only theirs" if theirs else "neither"
            counts[name] += 1
            if mine and theirs:
                self.assertEqual(mine, theirs, case)
            elif mine:
                self.assertTrue(ours["url"].startswith("https:") or mine.startswith(NEWER), (case, ours))
            elif theirs:  # stricter: another scheme, a user's name, a fragment, a query without a path, or a port that is none
                self.assertRegex(case["full"], r"^(ftp)?:|@|#|:x|:99999|\?x", (case, ours, theirs))
        print(counts)
        self.assertTrue(all(count > 50 for count in counts.values()), counts)


if __name__ == "__main__":
    unittest.main()
