#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`make bench`: runs all parts, prints the tables, writes .output/bench.json.

Theory of operation: each part is a program of its own that writes rows to
standard output, one line of JSON each (docs/BENCHMARKS.md), and its progress
to standard error. A part that is missing or fails becomes a row that says so.

--check compares two checkouts instead (turns.py): the per-packet rows and the
live floods of an older one, which it builds, and of this one, by turns.
--against names the older one, a folder or a commit. Otherwise it is where this
branch left main; on main itself the last commit, or the one before if nothing
has changed since.

usage: bench.py [--quick|--full] [--only SUBSTRING] [--check [--against WHAT]]
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time

import report
import turns
from rows import scale_goals

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = report.ROOT
OUTPUT = os.path.join(ROOT, ".output")
PARTS = {
    "packet": [os.path.join(OUTPUT, "tests/packet")],
    "live": [os.path.join(HERE, "live.py")],
    "scale": [os.path.join(HERE, "scale.py")],
}
FULL = ("live",)  # the parts that know --full


def command(cmd):
    try:
        return subprocess.run(cmd, cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = re.search(r"^model name\s*:\s*(.*)", f.read(), re.M)
    with open(os.path.join(ROOT, "VERSION"), encoding="utf-8") as f:
        version = f.read().strip()
    commit = command(["git", "rev-parse", "--short", "HEAD"]) or "no commit"
    if command(["git", "status", "--porcelain", "--untracked-files=no"]):
        commit += "+"
    return {"cpu": cpu[1] if cpu else platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release(),
            "date": datetime.datetime.now().astimezone().isoformat(
                timespec="seconds"),
            "version": version, "commit": commit}


def run_part(part, args):
    """Its rows; failures become rows, too."""
    program = PARTS[part][0]
    if not os.access(program, os.X_OK):
        return [{"part": part, "name": "all", "skipped":
                 f"{os.path.relpath(program, ROOT)} does not exist"}]
    print(f"{part} ...", file=sys.stderr, flush=True)
    start = time.monotonic()
    with subprocess.Popen([*PARTS[part], *args], stdout=subprocess.PIPE,
                          text=True) as p:
        try:
            out = p.communicate()[0]
        except BaseException:
            p.terminate()  # it removes its namespaces
            p.wait()
            raise
    rows = [json.loads(line) for line in out.splitlines()]
    if p.returncode and (rows or "--only" not in args):
        rows.append({"part": part, "name": "all", "failed": True, "skipped":
                     f"ended with exit code {p.returncode}"})
    print(f"{part}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows


def run_all(args):
    only = ["--only", args.only] if args.only else []
    out = []
    for part in PARTS:
        full = args.full and part in FULL
        out += run_part(part, ["--quick"] * args.quick + ["--full"] * full +
                        only)
    scale_goals(out)
    return out


def before():
    """The commit to compare with."""
    head = command(["git", "rev-parse", "HEAD"])
    fork = command(["git", "merge-base", "HEAD", "main"])
    if fork and fork != head:
        return fork
    changed = command(["git", "status", "--porcelain", "--untracked-files=no"])
    return head if changed else command(["git", "rev-parse", "HEAD^"])


def checkout_of(what):
    """A folder with that commit, or what is a folder already."""
    if os.path.isdir(what):
        return what
    commit = command(["git", "rev-parse", "--verify", f"{what}^{{commit}}"])
    if not commit:
        sys.exit(f"bench-check: {what or 'main'}: no folder and no commit")
    folder = os.path.join(OUTPUT, f"before-{commit[:12]}")
    if not os.path.isdir(folder):
        part = folder + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        with subprocess.Popen(["git", "archive", commit], cwd=ROOT,
                              stdout=subprocess.PIPE) as p:
            subprocess.run(["tar", "-x", "-C", part], stdin=p.stdout,
                           check=True)
        os.rename(part, folder)
    return folder


def check(against, only):
    old = checkout_of(against or before())
    subprocess.run(["make", "-C", old, "all", ".output/tests/packet",
                    ".output/tests/scale"], stdout=sys.stderr, check=True)
    print(f"bench-check: {os.path.relpath(old)} is the old one",
          file=sys.stderr)
    compared, bad = turns.compare(old, ROOT, only)
    for name in bad:
        print(f"bench-check: {name}: worse, twice")
    print(f"bench-check: {compared} rows compared, {len(bad)} worse")
    return 1 if bad or not compared else 0


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="fewer and shorter rounds")
    parser.add_argument("--full", action="store_true",
                        help="also what takes long")
    parser.add_argument("--only", metavar="SUBSTRING")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--against", metavar="WHAT")
    args = parser.parse_args()
    if args.against and not args.check:
        parser.error("--against requires --check")
    if os.geteuid():
        print("bench: needs root: network namespaces, XDP", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if args.check:
        return check(args.against, args.only)
    start = time.monotonic()
    data = {"machine": machine(), "rows": run_all(args)}
    write_json(report.JSON, data)
    print(report.machine_line(data["machine"]) + "\n" +
          report.text(data["rows"]))
    trouble = report.draw(data, OUTPUT)
    print(f"\n{time.monotonic() - start:.0f} s; rows: .output/bench.json" +
          (f"; no pictures: {trouble}" if trouble else
           ", pictures: .output/bench-*.svg"))
    return 1 if any(r.get("failed") for r in data["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
