"""coverage.py SUMMARY.json VERDICTS.txt: prints the line and branch coverage of each room and of each file of proxy/core,
from gcovr's JSON summary, and writes a line "NAME<TAB>pass|fail<TAB>FIGURE" for each limit that proxy/core has.

Counted are all lines and all branches that gcc makes of the C code: nothing is excluded. So a guard against a failing
allocation counts as two branches, one of which only a test that makes it fail can take."""
import json
import sys

MEASURED_ROOM = "proxy/core"
LIMITS = {"line": 95, "branch": 90}
ROOMS = ("common", "proxy/core", "proxy/edge", "proxy/command", "proxy")


def room_of(path):
    """The longest room that the path begins with; None for what is not the product's."""
    return next((room for room in sorted(ROOMS, key=len, reverse=True) if path.startswith(room + "/")), None)


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
    for entry in sorted(rooms[MEASURED_ROOM], key=lambda entry: entry["filename"]):
        print(row("  " + entry["filename"], entry))
    for room, entries in rooms.items():
        print(row(room, add(entries)))


def verdicts(files):
    measured = add(files)
    for kind, limit in LIMITS.items():
        share = percent(measured, kind)
        verdict = "pass" if files and share >= limit else "fail"
        yield f"{kind} coverage of {MEASURED_ROOM}\t{verdict}\t{share:.1f} %, limit {limit} %\n"


def main(summary, verdicts_file):
    with open(summary, encoding="utf-8") as file:
        files = json.load(file)["files"]
    rooms = {room: [entry for entry in files if room_of(entry["filename"]) == room] for room in ROOMS}
    print_table(rooms)
    with open(verdicts_file, "w", encoding="utf-8") as file:
        file.writelines(verdicts(rooms[MEASURED_ROOM]))


if __name__ == "__main__":
    main(*sys.argv[1:])
