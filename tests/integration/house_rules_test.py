"""The shape of the tree: dependencies point inward, headers compile alone, and foo.c exports foo_* only (or, where a module
takes several files, foo_bar.c beside foo.h, also foo_*); PAM's own names for its entry points excepted, and verbs that belong together in one file."""

import glob
import json
import os
import re
import shlex
import subprocess
import unittest

from workspace import SOURCE_DIR

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", os.path.join(SOURCE_DIR, "build", "dev"))

# What a file of each room may include of ours. Longest match wins.
MAY_INCLUDE = {
    "common": ("common",),
    "proxy/core": ("proxy/core", "common"),
    "proxy/edge": ("proxy/edge", "proxy/core", "common"),
    "proxy/command": ("proxy/command", "proxy/edge", "proxy/core", "common"),
    "proxy/ssh_helper": ("proxy/ssh_helper", "common"),
    "proxy": ("proxy/command", "proxy/edge", "common"),
    "pam_ssm/core": ("pam_ssm/core", "common"),
    "pam_ssm/edge": ("pam_ssm/edge", "pam_ssm/core", "common"),
    "pam_ssm/userctl": ("pam_ssm/userctl", "pam_ssm/find_session.h", "pam_ssm/edge", "pam_ssm/core", "common"),
    "pam_ssm": ("pam_ssm", "pam_ssm/edge", "pam_ssm/core", "common"),
    # An independent peer: it shares the message format with ssm-proxy, and nothing of its engine.
    "tests/emulator": ("tests/emulator", "proxy/core/agent_message.h", "proxy/core/uuid.h", "proxy/core/sha256.h", "proxy/core/chance.h",
                       "common"),
}


def sources(pattern):
    return sorted(path for room in MAY_INCLUDE for path in glob.glob(os.path.join(SOURCE_DIR, room, pattern)))


def room_of(path):
    return os.path.relpath(os.path.dirname(path), SOURCE_DIR)


def own_names(path):
    """The stem of a source file, and those of headers beside it that it continues."""
    folder, stem = os.path.dirname(path), os.path.basename(path)[:-2]
    words = stem.split("_")
    shorter = ["_".join(words[:count]) for count in range(1, len(words))]
    return [stem] + [name for name in shorter if os.path.exists(os.path.join(folder, name + ".h"))]


def includes_of(path):
    with open(path, encoding="utf-8") as file:
        return re.findall(r'^#include "([^"]+)"', file.read(), re.MULTILINE)


class HouseRulesTest(unittest.TestCase):
    def test_dependencies_point_inward(self):
        wrong = []
        for path in sources("*.[ch]"):
            for included in includes_of(path):
                allowed = MAY_INCLUDE[room_of(path)]
                if not any(included == entry or (not entry.endswith(".h") and os.path.dirname(included) == entry) for entry in allowed):
                    wrong.append("%s includes %s" % (os.path.relpath(path, SOURCE_DIR), included))
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_headers_compile_alone(self):
        with open(os.path.join(BUILD_DIR, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
        entry = next(command for command in commands if command["file"].endswith("/proxy/core/agent_message.c"))
        words = shlex.split(entry["command"])
        flags = [word for word in words[1:words.index("-o")] if not word.startswith("-O")]
        every = {}
        for command in commands:  # a header's own room says where its libraries' headers are
            room = room_of(command["file"])
            every.setdefault(room, [word for word in shlex.split(command["command"]) if word.startswith("-I") or word.startswith("/usr/include")])
        wrong = []
        for path in sources("*.h"):
            done = subprocess.run([words[0], *flags, *every.get(room_of(path), []), "-fsyntax-only", "-x", "c", "-"],
                                  cwd=BUILD_DIR, input='#include "%s"\ntypedef int used;\n' % path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode != 0:
                wrong.append(done.stdout)
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_a_file_exports_its_own_name_only(self):
        wrong = []
        for path in sources("*.c"):
            stem = os.path.basename(path)[:-2]
            found = glob.glob(os.path.join(BUILD_DIR, room_of(path), "CMakeFiles", "*", stem + ".c.o"))
            if not found:
                continue
            symbols = subprocess.run(["nm", "--defined-only", "--extern-only", "--format=posix", found[0]], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout.split("\n")
            for symbol in filter(None, (line.split(" ")[0] for line in symbols)):
                if symbol != "main" and not symbol.startswith("pam_sm_") and not symbol.endswith("_verb") and not any(symbol == name or symbol.startswith(name + "_") for name in own_names(path)):
                    wrong.append("%s exports %s" % (os.path.relpath(path, SOURCE_DIR), symbol))
        self.assertFalse(wrong, "\n" + "\n".join(wrong))
