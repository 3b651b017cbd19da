"""coverage.py SUMMARY.json VERDICTS.txt: prints the line and branch coverage of each room and of each file of proxy/core,
from gcovr's JSON summary, and writes a line "NAME<TAB>pass|fail<TAB>FIGURE" for each limit that proxy/core has.

Counted are all lines and all branches that gcc makes of the C code: nothing is excluded. So a guard against a failing
allocation counts as two branches, one of which only a test that makes it fail can take."""
import json
import os
import sys

MEASURED_ROOM = "proxy/core"
LIMITS = {"line": 95, "branch": 90}


def add(files):
    total = {}
    for kind in LIMITS:
        for what in ("total", "covered"):
            key = f"{kind}_{what}"
            total[key] = sum(file[key] for file in files)
    return total


def percent(counts, kind):
    total = counts[f"{kind}_total"]
    return 100 * counts[f"{kind}_covered"] / total if total else 100.0


def row(name, counts):
    cells = []
    for kind in LIMITS:
        share = f"{counts[f'{kind}_covered']}/{counts[f'{kind}_total']}"
        cells.append(f"{share:>11} {percent(counts, kind):5.1f} %")
    return f"{name:<40} {cells[0]}   {cells[1]}"


def print_table(rooms):
    print(f"{'':<40} {'lines':>19}   {'branches':>19}")
    for room, entries in sorted(rooms.items()):
        print(row(room, add(entries)))
        if room == MEASURED_ROOM:
            for entry in sorted(entries, key=lambda entry: entry["filename"]):
                print(row("  " + entry["filename"], entry))


def verdicts(files):
    measured = add(files)
    for kind, limit in LIMITS.items():
        share = percent(measured, kind)
        verdict = "pass" if files and share >= limit else "fail"
        figure = f"{share:.1f} %, limit {limit} %" if files else "nothing was measured"
        yield f"{kind} coverage of {MEASURED_ROOM}\t{verdict}\t{figure}\n"


def main(summary, verdicts_file):
    with open(summary, encoding="utf-8") as file:
        files = json.load(file)["files"]
    rooms = {}
    for entry in files:
        rooms.setdefault(os.path.dirname(entry["filename"]), []).append(entry)
    print_table(rooms)
    with open(verdicts_file, "w", encoding="utf-8") as file:
        file.writelines(verdicts(rooms.get(MEASURED_ROOM, [])))


if __name__ == "__main__":
    main(*sys.argv[1:])
