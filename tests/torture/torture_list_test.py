"""Every function that our objects import is made to fail by the torture tests, or stands in unwrapped.txt with a reason."""

import os
import re
import subprocess
import unittest

from torture_list import TORTURE_DIR, read_wrapped
from workspace import SOURCE_DIR

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", os.path.join(SOURCE_DIR, "build", "dev"))
OBJECTS = ("common/libssm_common.a", "common/libssm_digest.a", "proxy/core/libproxy_core.a", "proxy/edge/libproxy_edge.a",
           "proxy/command/libproxy_command.a", "proxy/CMakeFiles/ssm-proxy.dir/main.c.o")


def read_unwrapped():
    patterns = []
    with open(os.path.join(TORTURE_DIR, "unwrapped.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                names, reason = line.rstrip("\n").split(": ", 1)
                assert reason.strip(), line
                patterns += names.split()
    return patterns


def imports():
    """Functions that our objects call and do not define."""
    text = subprocess.run(["nm", "--format=posix", *(os.path.join(BUILD_DIR, path) for path in OBJECTS)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    symbols = [line.split()[:2] for line in text.splitlines() if len(line.split()) >= 2]
    defined = {name for name, kind in symbols if kind not in "Uuw"}
    return {name for name, kind in symbols if kind in "Uw" and name not in defined} | module_imports()


def module_imports():
    """Of the PAM module: what it has the dynamic linker look for. Weak ones are the compiler's own."""
    text = subprocess.run(["nm", "--format=posix", "--dynamic", "--undefined-only", os.path.join(BUILD_DIR, "bin", "pam_ssm.so")],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    symbols = [line.split()[:2] for line in text.splitlines()]
    return {name.partition("@")[0] for name, kind in symbols if kind == "U"}


class TortureListTest(unittest.TestCase):
    def test_every_import_is_wrapped_or_has_a_reason(self):
        wrapped, unwrapped = read_wrapped(), read_unwrapped()
        self.assertGreater(len(wrapped), 50)
        pattern = re.compile("|".join("(?:%s)" % entry for entry in unwrapped))
        missing = sorted(name for name in imports() if name not in wrapped and not pattern.fullmatch(name))
        self.assertEqual(missing, [], "wrap them in torture_wrap.c, or give the reason in unwrapped.txt")
        self.assertEqual([name for name in wrapped if pattern.fullmatch(name)], [], "wrapped, and excused from it")
