# SPDX-License-Identifier: GPL-2.0-only
"""The manual pages are complete, and the example configuration is right.

Theory of operation: what exists is taken from the programs' own help and from
the table of configuration keys; the pages' sources must name each. So a flag,
verb or key that is added without documentation fails here.
"""
import glob
import os
import re
import tempfile

from configtable import KEYS, Key
from namespace import run
from netenv import OUTPUT, ROOT
from nettest import net_test

SCDOC_WAYS = re.compile(r"skipping paragraph macro: PP (empty|after SH)")


def page(name):
    """The source without markup for bold and italics, and without escapes."""
    with open(f"{ROOT}/man/{name}.scd", encoding="utf-8") as f:
        return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*_]", "", f.read()))


def sections(text, title):
    """{section: lines} of a file whose titles match."""
    parts = re.split(title, text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@net_test
def test_keys(env):
    del env
    by_section = sections(page("synkeeper.conf.5"), r"^# \[(\w+).*\]$")
    for key in KEYS:
        want = f"{key.name} = {key.how}"
        assert f"\n{want}\n" in by_section.get(key.section, ""), \
            f"synkeeper.conf(5), [{key.section}]: expected a paragraph " \
            f"'{want}', got none"


@net_test
def test_flags(env):
    del env
    text = page("synkeeperd.8")
    flags = re.findall(r"^ +(?:(-\w), |)\s*(--[a-z-]+)",
                       run([f"{OUTPUT}/synkeeperd", "--help"]).stdout, re.M)
    assert len(flags) > 8, f"synkeeperd --help: found only the flags {flags}"
    for letter, word in flags:
        want = ", ".join(filter(None, (letter, word)))
        assert re.search(rf"^{want}\b", text, re.M), \
            f"synkeeperd(8): expected a paragraph '{want}', got none"


@net_test
def test_verbs(env):
    """Each verb, with every operand and option that its help names."""
    del env
    text = page("synkeeper.8")
    out = run([f"{OUTPUT}/synkeeper", "-h"]).stdout.split("\n\n")[1]
    lines = [re.split(r" {2,}", line.strip())[0] for line in out.splitlines()
             if re.match(r"  \S", line)]
    assert len(lines) > 10, f"synkeeper -h: found only {lines}"
    for line in lines:
        verb = " ".join(re.match(r"\S+(?: [a-z]+)?", line).group().split())
        paragraph = [p for p in text.splitlines()
                     if re.match(rf"{verb}(\s|$)", p)]
        assert paragraph, f"synkeeper(8): expected '{verb}', got none"
        for option in re.findall(r"--?[a-z][a-z-]*|[a-z|]+[|][a-z|]+", line):
            assert option in paragraph[0], \
                f"synkeeper(8): expected {option} in '{paragraph[0]}'"


@net_test
def test_lint(env):
    del env
    pages = glob.glob(f"{ROOT}/man/*.scd")
    assert len(pages) >= 3, f"expected three pages, got {pages}"
    for source in pages:
        with open(source, "rb") as f, \
                tempfile.NamedTemporaryFile(prefix="synkeeper-test-") as made:
            made.write(run(["scdoc"], stdin=f).stdout.encode())
            made.flush()
            told = run(["mandoc", "-T", "lint", "-W", "warning", made.name],
                       check=False).stdout.splitlines()
        told = [line for line in told if not SCDOC_WAYS.search(line)]
        assert not told, f"{os.path.basename(source)}: {told}"


UNITS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "%": 1,
         "k": 1000, "M": 1000000, "": 1}


def amount(text):
    """"2h4m" in milliseconds, "1k" and "50%" as numbers."""
    parts = re.findall(r"(\d+)([a-zA-Z%]*)", text)
    assert parts, f"{text!r} is no number"
    return sum(int(n) * UNITS[unit] for n, unit in parts)


def bounds(env, key):
    """(least, most), from the daemon's refusal of a value."""
    conf = f"{env.dir}/bounds.conf"
    small = {"duration": "1ms", "percent": "0%"}.get(key.type, "0")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"[{key.section}]\n{key.name} = {small}\n")
    told = run([f"{OUTPUT}/synkeeperd", "--check", "-c", conf],
               check=False).stderr
    found = re.search(r"must be (\S+) to (\S+)", told)
    assert found, f"{key.name} = {small}: expected bounds, got {told}"
    return found.groups()


@net_test
def test_example_told_wrong_bounds(env):
    """Bounds and defaults, in the manual's paragraphs."""
    manual = sections(page("synkeeper.conf.5"), r"^# \[(\w+).*\]$")
    for key in filter(Key.is_number, KEYS):
        least, most = bounds(env, key)
        assert (least, most) == (key.least, key.most), \
            f"{key.name}: the daemon says {least} to {most}"
        paragraph = re.search(rf"^{key.name} = .*\n((?:\t.*\n)+)",
                              manual[key.section], re.M)[1]
        told = re.search(r"(\S+)\s+to\s+(\S+),\s+default:?\s+(no bound|[\w%]+)",
                         paragraph)
        assert told and told.group(1, 2) == (least, most), \
            f"synkeeper.conf(5), {key.name}: expected '{least} to {most}, " \
            f"default ...', got: {paragraph}"
        if told[3] == "no bound":
            assert key.default is None, f"{key.name}: expected {key.default}"
        else:
            assert amount(told[3]) == amount(key.default), \
                f"synkeeper.conf(5), {key.name}: expected the default " \
                f"{key.default}, got {told[3]}"


@net_test
def test_example(env):
    """It is valid as it is, has every key, and each key in it exists."""
    path = f"{ROOT}/dist/synkeeper.conf"
    run([f"{OUTPUT}/synkeeperd", "--check", "-c", path])
    with open(path, encoding="utf-8") as f:
        text = f.read()
    run([f"{ROOT}/scripts/draw-config", "--check"])

    shown = re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.M)
    for name in ("deny", "allow"):
        shown = shown.replace(f"/etc/synkeeper/{name}", f"{env.dir}/{name}")
        with open(f"{env.dir}/{name}", "w", encoding="utf-8") as f:
            f.write("192.0.2.0/24\n")
    conf = f"{env.dir}/synkeeper.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write(shown)
    run([f"{OUTPUT}/synkeeperd", "--check", "-c", conf])


@net_test
def test_named_tests_exist(env):
    """In every document that names a test."""
    del env
    known = set(run([f"{ROOT}/tests/run", "--list"]).stdout.split())
    places = {name.rpartition("/")[0] for name in known}
    pages = [*glob.glob(f"{ROOT}/docs/*.md"), *glob.glob(f"{ROOT}/*.md")]
    assert len(pages) > 5, f"found only {pages}"
    for page_name in pages:
        with open(page_name, encoding="utf-8") as f:
            named = re.findall(r"`((?:unit|bpf|net|fuzz|vm)/\w+/\w+)`",
                               f.read())
        wrong = sorted(set(named) - known - places)
        assert not wrong, f"{os.path.basename(page_name)}: no such tests: " + \
            ", ".join(wrong)


@net_test
def test_threat_model(env):
    """Each promise names the tests that enforce it, and these exist."""
    del env
    with open(f"{ROOT}/docs/THREATMODEL.md", encoding="utf-8") as f:
        text = f.read()
    named = set(re.findall(r"`((?:unit|bpf|net|fuzz|vm)/[\w/]+)`", text))
    known = set(run([f"{ROOT}/tests/run", "--list"]).stdout.split())
    assert len(named) > 50, f"docs/THREATMODEL.md: names only {named}"
    assert named <= known, "docs/THREATMODEL.md: no such tests: " + \
        ", ".join(sorted(named - known))
    faults = re.findall(r"^\| [a-z].*\|(.*)\|$", sections(
        text, r"^##+ (When the machine fails|What is not.*)$")[
            "When the machine fails"], re.M)[1:]
    assert len(faults) > 8, f"found only {len(faults)} faults"
    for tests in faults:
        assert "`" in tests, f"docs/THREATMODEL.md: no test in: {tests}"
    promises = re.findall(r"^\| ([A-Z].*)\. \|(.*)\|$", text, re.M)
    assert len(promises) > 20, f"found only {len(promises)} promises"
    for promise, tests in promises:
        assert "`" in tests, f"docs/THREATMODEL.md: no test for: {promise}"
