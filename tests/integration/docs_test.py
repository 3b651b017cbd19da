"""What the pages say about this repository exists: links, tests, commands, options."""

import glob
import os
import re
import subprocess
import unittest

from workspace import SOURCE_DIR

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", os.path.join(SOURCE_DIR, "build", "dev"))
BIN_DIR = os.environ.get("SSM_BIN_DIR", os.path.join(BUILD_DIR, "bin"))

PAGES = ("README.md", "CHANGELOG.md", "docs/*.md", "docs/decisions/*.md")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages():
    found = sorted(path for pattern in PAGES for path in glob.glob(os.path.join(SOURCE_DIR, pattern)))
    assert len(found) > 5, found
    return {os.path.relpath(path, SOURCE_DIR): read(path) for path in found}


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options(text):
    return set(re.findall(r"--[a-z][a-z-]+", text))


class DocsTest(unittest.TestCase):
    def expect_none(self, what, wrong):
        self.assertEqual(wrong, [], what)

    def test_links_lead_somewhere(self):
        wrong, count = [], 0
        for page, text in pages().items():
            for link in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
                if re.match(r"https?:", link):
                    continue
                count += 1
                path, _, anchor = link.partition("#")
                target = os.path.normpath(os.path.join(SOURCE_DIR, os.path.dirname(page), path)) if path else os.path.join(SOURCE_DIR, page)
                if not os.path.exists(target) or (anchor and anchor not in anchors(read(target))):
                    wrong.append("%s: %s" % (page, link))
        self.assertGreater(count, 10)
        self.expect_none("links that lead nowhere", wrong)

    def test_named_tests_exist(self):
        files = glob.glob(os.path.join(SOURCE_DIR, "tests", "**", "*_test.[cp]*"), recursive=True)
        sources = {os.path.splitext(os.path.basename(path))[0]: read(path) for path in files}
        wrong, count = [], 0
        for page, text in pages().items():
            for file, case in re.findall(r"`(\w+_test)\.(\w+)`", text.replace("`file_test.case`", "")):
                count += 1
                if not re.search(r"\b(test_)?%s\(" % case, sources.get(file, "")):
                    wrong.append("%s: %s.%s" % (page, file, case))
        self.assertGreater(count, 30)
        self.expect_none("tests that do not exist", wrong)

    def test_named_commands_exist(self):
        usage = subprocess.run([os.path.join(SOURCE_DIR, "run"), "--help"], capture_output=True, text=True, check=True).stdout
        verbs = set(re.findall(r"^  ([a-z]+) ", usage, re.MULTILINE))
        listing = subprocess.run(["ctest", "--test-dir", BUILD_DIR, "-N"], capture_output=True, text=True, check=True).stdout
        tests = re.findall(r"Test +#\d+: (\S+)", listing)
        self.assertGreater(len(tests), 100)
        wrong = []
        for page, text in pages().items():
            wrong += ["%s: ./run %s" % (page, verb) for verb in re.findall(r"\./run ([a-z]+)", text) if verb not in verbs]
            for pattern in re.findall(r"ctest --test-dir build/dev -R '?([a-z][\w.|\\]*)", text):
                for name in pattern.replace("\\", "").split("|"):
                    if not any(re.search(name, test) for test in tests):
                        wrong.append("%s: ctest -R %s" % (page, name))
        self.expect_none("commands that do not exist", wrong)

    def test_manual_pages_and_help_have_the_same_options(self):
        verbs_of_proxy = (["connect"], ["shell"], ["run"], ["agent", "version"], ["agent", "update"], ["config"], ["ls"], ["wait"], ["sessions", "list"], ["sessions", "end"], ["doctor"],
                          ["key", "ensure"], ["key", "push"], ["login"])
        for page, verbs in (("ssm-proxy", verbs_of_proxy), ("ssm-lab", ([],))):
            manual = read(os.path.join(SOURCE_DIR, "docs", "man", page + ".1.scd"))
            described = set(re.findall(r"^\*.*\*.*$", manual, re.MULTILINE))
            described = options("\n".join(line for line in described if line.startswith("*--")))
            helps = [subprocess.run([os.path.join(BIN_DIR, page), *verb, "--help"], capture_output=True, text=True, check=True).stdout
                     for verb in verbs]
            said = options("\n".join(helps))
            self.assertGreater(len(said), 5)
            with self.subTest(page):
                self.assertEqual(described - {"--version"}, said - {"--version"})

    def test_the_map_names_every_room(self):
        text = read(os.path.join(SOURCE_DIR, "docs", "architecture.md"))
        headers = glob.glob(os.path.join(SOURCE_DIR, "proxy", "core", "*.h")) + glob.glob(os.path.join(SOURCE_DIR, "proxy", "command", "*.h"))
        names = sorted(os.path.splitext(os.path.basename(path))[0] for path in headers)
        self.assertGreater(len(names), 50)
        self.expect_none("files without a place in architecture.md", [name for name in names if "`%s`" % name not in text])

    def test_the_number_of_fuzz_targets(self):
        targets = glob.glob(os.path.join(SOURCE_DIR, "tests", "fuzz", "fuzz_*.c"))
        said = re.findall(r"\| (\d+) targets, ", read(os.path.join(SOURCE_DIR, "docs", "reliability.md")))
        self.assertEqual(said, [str(len(targets))])

    def test_the_manual_names_every_fault(self):
        table = read(os.path.join(SOURCE_DIR, "tests", "emulator", "fault.c"))
        names = re.findall(r"^    (?:[A-Z]+\(|\{\")(\w+)[\")]", table, re.MULTILINE)
        self.assertGreater(len(names), 20)
        manual = read(os.path.join(SOURCE_DIR, "docs", "man", "ssm-lab.1.scd"))
        # "reset" stands in an example only.
        self.expect_none("faults without a word", [name for name in names if name not in manual])


if __name__ == "__main__":
    unittest.main()
