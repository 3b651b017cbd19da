"""Counts results: summary.py RESULTS.txt [JUNIT.xml...]. Names what failed and why things were skipped; the last line is
"N passed, N failed, N skipped". The exit status is 1 when anything failed, or when nothing ran."""

import re
import sys
import xml.etree.ElementTree as ElementTree


def from_lines(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            verdict, name, reason = line.rstrip("\n").split("\t")
            yield verdict, name, reason


def from_junit(path):
    preset = re.sub(r".*junit-(.*)\.xml$", r"\1", path)
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = "%s (%s)" % (case.get("name"), preset)
        if case.get("status") == "run":
            yield "pass", name, ""
        elif case.find("skipped") is not None:
            text = "".join(case.itertext())
            said = re.search(r"^SKIP:\s*(.*)$", text, re.MULTILINE)
            yield "skip", name, said.group(1) if said else "gave no reason"
        else:
            failure = case.find("failure")
            yield "fail", name, failure.get("message", "") if failure is not None else case.get("status")


def main(results, *junits):
    counts = {"pass": 0, "fail": 0, "skip": 0}
    remarks = []
    sources = [from_lines(results)] + [from_junit(path) for path in junits]
    for source in sources:
        for verdict, name, reason in source:
            counts[verdict] += 1
            if verdict != "pass":
                remarks.append((verdict, name, reason))
    if remarks:
        print()
    for verdict, name, reason in sorted(remarks, reverse=True):
        print("%s  %s%s" % (verdict, name, ": " + reason if reason else ""))
    print("%(pass)d passed, %(fail)d failed, %(skip)d skipped" % counts)
    return 1 if counts["fail"] or not counts["pass"] else 0


sys.exit(main(*sys.argv[1:]))
