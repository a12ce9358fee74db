#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tables and charts of .output/bench.json.

Theory of operation: the rows of a part make one table. Where rows name a `case`
and a `defence`, cases are lines and defences columns; otherwise each row is a
line. The same tables are printed and written as Markdown. gnuplot draws the
charts from the scripts in graphs/.

usage: report.py            the tables, as text
       report.py --docs     docs/BENCHMARKS.md, between its markers, and
                            docs/bench-*.svg
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
JSON = os.path.join(ROOT, ".output/bench.json")
DOCS = os.path.join(ROOT, "docs")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

TITLES = {
    "packet": "Per packet: ns above the floor",
    "cores": "Per packet, on two cores at once: ns above the floor, and the "
             "ratio to one core alone",
    "flood": "Flood: packets per second of core time, and their ratio to "
             "XDP_DROP",
    "cost": "Flood: core time per packet, in ns above the floor (a SYN: bare "
            "XDP_TX; else: XDP_DROP)",
    "tables": "Flood, by size and fill of the session table: core time per "
              "packet, in ns above the floor",
    "clients": "Good clients in that flood",
    "bulk": "Bulk transfer: Gbit per second of core time, and the ratio to a "
            "program that only passes",
    "container": "A flood at a container: packets per second of core time",
    "scale": "Scale",
}


def number(value):
    """Three significant digits, with a readable unit."""
    for limit, by, unit in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= limit:
            return f"{value / by:.3g}{unit}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(row):
    return f"{row['ratio']:.2f}" if "ratio" in row else ""


def judge(row):
    """(what was measured, met?) of a row with a goal; see BENCHMARKS.md."""
    unit = row["goal_unit"]
    got = row.get("ratio") if unit.startswith(("of ", "times ")) else \
        row["value"]
    if got is None:
        return None, False
    return got, got >= row["goal"] if unit.endswith("or more") else \
        got <= row["goal"]


def verdict(row):
    if "goal" not in row:
        return ""
    got, met = judge(row)
    bound = "≥" if row["goal_unit"].endswith("or more") else "≤"
    return f"{bound} {row['goal']:g}: {'met' if met else 'missed'}" + \
        ("" if got == row["value"] else f" ({got:.2f})")


def matrix(rows):
    """A line for each case, a column for each defence."""
    rows = [r for r in rows if "defence" in r]
    defences = list(dict.fromkeys(r["defence"] for r in rows))
    lines = {}
    for r in rows:
        if "case" not in r:
            continue
        unit = {"µs": " µs", "%": " %"}.get(r.get("unit"), "")
        text = "skipped" if "skipped" in r else number(r["value"]) + unit
        if ratio(r) and r["part"] not in ("cost", "tables"):
            text += f"  {ratio(r)}×"
        lines.setdefault(r["case"], {})[r["defence"]] = text
    return [["", *defences]] + [[case, *(cells.get(d, "") for d in defences)]
                                for case, cells in lines.items()]


def listing(rows):
    lines = [["", "value", "unit", "ratio", "to", "goal"]]
    for r in rows:
        if "skipped" in r:
            lines.append([r["name"], "skipped", "", "", "", ""])
        else:
            lines.append([r["name"], number(r["value"]), r["unit"], ratio(r),
                          r.get("baseline", ""), verdict(r)])
    return lines


def tables(rows):
    """[(title, [line of cells])]; a table's first line is its header."""
    out = []
    for part in dict.fromkeys(r["part"] for r in rows):
        mine = [r for r in rows if r["part"] == part]
        table = matrix(mine) if any("case" in r for r in mine) else \
            listing(mine)
        out.append((TITLES.get(part, part), table))
    goals = [r for r in rows if "goal" in r]
    if goals:
        out.append(("Goals", [["", "measured", "", "goal"]] + [
            [f"{r['part']}: {r['name']}", *measured(r), verdict(r)]
            for r in goals]))
    return out


def measured(row):
    got, _ = judge(row)
    return ("-" if got is None else number(got),
            row["goal_unit"].removesuffix(" or more"))


def skips(rows):
    return [f"{r['part']}: {r['name']}: {r['skipped']}" for r in rows
            if "skipped" in r]


def text(rows):
    out = []
    for title, table in tables(rows):
        widths = [max(map(len, column)) for column in zip(*table)]
        out += ["", title]
        for cells in table:
            first, *rest = (c.rjust(w) for c, w in zip(cells, widths))
            out.append("  ".join(["  " + cells[0].ljust(widths[0]), *rest])
                       .rstrip())
    if skips(rows):
        out += ["", "Skipped", *("  " + s for s in skips(rows))]
    return "\n".join(out)


def markdown(data):
    out = [machine_line(data["machine"]) + "."]
    for title, table in tables(data["rows"]):
        out += ["", f"### {title}", "", "| " + " | ".join(table[0]) + " |",
                "|---|" + "---:|" * (len(table[0]) - 1)]
        out += ["| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"
                for cells in table[1:]]
    if skips(data["rows"]):
        out += ["", "Skipped:", ""] + ["- " + s for s in skips(data["rows"])]
    return "\n".join(out)


def machine_line(m):
    return (f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}, "
            f"{m['date'][:10]}, Synkeeper {m['version']} ({m['commit']})")


def quoted(value):
    return '"' + str(value).replace('"', "'").replace("_", "\\\\_") + '"'


def matrix_data(rows, part, key):
    """For graphs/flood.gp and tables.gp: a line for each case of @part, with
    the rows' @key for each defence."""
    rows = [r for r in rows if r["part"] == part and "case" in r and key in r]
    cases = list(dict.fromkeys(r["case"] for r in rows))
    defences = list(dict.fromkeys(r["defence"] for r in rows))
    got = {(r["case"], r["defence"]): r[key] for r in rows}
    lines = [" ".join(["case", *map(quoted, defences)])]
    for case in cases:
        lines.append(" ".join([quoted(case), *(
            f"{got[case, d]:.3f}" if (case, d) in got else "NaN"
            for d in defences)]))
    return lines


def by_kind(rows):
    """Those of one flood together, whatever the fill."""
    return sorted(rows, key=lambda r: r.get("case", "").split(",")[0],
                  reverse=True)


# What graphs/cores.gp shows, and how it calls it.
KINDS = {"SYN, Linux options, IPv4": "SYN, IPv4",
         "SYN, Linux options, IPv6": "SYN, IPv6",
         "valid ACK admitted, timestamps, IPv4": "ACK admitted",
         "ACK, bad cookie, random tuples, timestamps": "ACK, bad cookie",
         "client's FIN of a session": "FIN",
         "adoption of a connection": "adoption",
         "packet of a session, in cache, 1 million sessions":
             "of a session, in cache",
         "packet of a session, random order, 1 million sessions":
             "of a session, random"}


def cores_data(rows):
    """For graphs/cores.gp: a kind of packet, one core's ns, two cores' ns."""
    got = {r["name"]: r for r in rows if r["part"] == "cores" and
           "baseline_value" in r}
    return ['kind "one core alone" "two cores at once"'] + [
        f"{quoted(title)} {got[name]['baseline_value']} {got[name]['value']}"
        for name, title in KINDS.items() if name in got]


def latency_data(rows):
    """For graphs/latency.gp: a block for each defence, with x, p50, p99, p99.9
    for each flood; and a final one that maps x to floods."""
    got = {}
    for r in rows:
        if r["part"] == "clients" and "value" in r:
            flood, metric = r["case"].rsplit(": ", 1)
            got[flood, r["defence"], metric] = r["value"]
    floods = list(dict.fromkeys(flood for flood, _, _ in got))
    defences = list(dict.fromkeys(d for _, d, _ in got))
    width = len(defences) + 1
    lines = []
    for i, d in enumerate(defences):
        lines.append(quoted(d))
        for j, flood in enumerate(floods):
            figures = [got.get((flood, d, m)) for m in ("p50", "p99", "p99.9")]
            if None not in figures:
                lines.append(" ".join(map(str, [j * width + i, *figures])))
        lines += ["", ""]
    return lines + [f"{j * width + (width - 2) / 2} {quoted(flood)}"
                    for j, flood in enumerate(floods)]


def draw(data, folder):
    """bench-*.svg. Returns what prevented it."""
    if not shutil.which("gnuplot"):
        return "gnuplot is not installed (gnuplot-nox)"
    rows = data["rows"]
    for name, lines in (("flood", matrix_data(rows, "flood", "ratio")),
                        ("tables", matrix_data(by_kind(rows), "tables",
                                               "value")),
                        ("cores", cores_data(rows)),
                        ("latency", latency_data(rows))):
        if len(lines) < 2:
            continue
        path = os.path.join(os.path.dirname(JSON), f"bench-{name}.dat")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        subprocess.run(
            ["gnuplot", "-e", f"data='{path}'; out='{folder}/bench-{name}.svg'"
             f"; machine={quoted(machine_line(data['machine']))}",
             os.path.join(HERE, "graphs", f"{name}.gp")], check=True)
    return None


def update_docs(data):
    path = os.path.join(DOCS, "BENCHMARKS.md")
    with open(path, encoding="utf-8") as f:
        old = f.read()
    head, rest = old.split(BEGIN, 1)
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + BEGIN + "\n" + markdown(data) + "\n" + END +
                rest.split(END, 1)[1])
    return draw(data, DOCS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    with open(JSON, encoding="utf-8") as f:
        data = json.load(f)
    if not args.docs:
        print(machine_line(data["machine"]) + "\n" + text(data["rows"]))
        return 0
    trouble = update_docs(data)
    if trouble:
        print(f"report.py: no charts: {trouble}", file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
