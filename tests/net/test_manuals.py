# SPDX-License-Identifier: GPL-2.0-only
"""The manual pages say all there is, and the example configuration is right.

Theory of operation: what exists is asked of the programs' own help and of the
table of keys in config_keys.c; the pages' sources must name each. So whoever
adds a flag, a verb or a key without documenting it is told here.
"""
import glob
import os
import re
import tempfile

from namespace import run
from netenv import OUTPUT, ROOT
from nettest import net_test

SCDOC_WAYS = re.compile(r"skipping paragraph macro: PP (empty|after SH)")


def page(name):
    """The source without the marks of bold, italics and escapes."""
    with open(f"{ROOT}/man/{name}.scd", encoding="utf-8") as f:
        return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*_]", "", f.read()))


def keys():
    """[(section, key)]"""
    with open(f"{ROOT}/user/lib/config/config_keys.c", encoding="utf-8") as f:
        found = re.findall(r'\{ "([a-z]+)", "([a-z0-9-]+)",\s+set_', f.read())
    assert len(found) > 10, f"config_keys.c: found only the keys {found}"
    return found


def sections(text, title):
    """{section: lines} of a file whose titles match."""
    parts = re.split(title, text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@net_test
def test_keys(env):
    del env
    by_section = sections(page("synkeeper.conf.5"), r"^# \[(\w+).*\]$")
    for section, key in keys():
        text = by_section.get(section, "")
        assert re.search(rf"^{key} = ", text, re.M), \
            f"synkeeper.conf(5), [{section}]: expected a paragraph " \
            f"'{key} = ...', got none"


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


def read(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as f:
        return f.read()


UNITS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "%": 1,
         "k": 1000, "M": 1000000, "": 1}


def amount(text):
    """"2h4m" in milliseconds, "1k" and "50%" as numbers."""
    parts = re.findall(r"(\d+)([a-zA-Z%]*)", text)
    assert parts, f"{text!r} is no number"
    return sum(int(n) * UNITS[unit] for n, unit in parts)


def bounds(env, section, key, too_small):
    """(least, most), as the daemon says when it refuses a value."""
    conf = f"{env.dir}/bounds.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"[{section}]\n{key} = {too_small}\n")
    told = run([f"{OUTPUT}/synkeeperd", "--check", "-c", conf],
               check=False).stderr
    found = re.search(r"must be (\S+) to (\S+)", told)
    assert found, f"{key} = {too_small}: expected bounds, got {told}"
    return found.groups()


def defaults():
    """{member of struct config: number}, of config_init() and the file's."""
    constants = dict(re.findall(r"\b(\w+) = (\d+)\b",
                                read("include/synkeeper/limits.h") +
                                read("user/lib/config/config_file.c")))
    body = read("user/lib/config/config.c").split("void config_init", 1)[1]
    values = dict(re.findall(r"\.(\w+) = ((?:[\d(][\d ()*+]*)|[A-Z]+_DEFAULT)",
                             body.split("\n}", 1)[0]))
    assert len(values) > 8, f"config_init(): found only {values}"
    values["reset_rate"] = "RESETS_DEFAULT"
    return {name: eval(constants.get(v.strip(), v))  # pylint: disable=eval-used
            for name, v in values.items()}


def numbers():
    """[(section, key, setter, member)] of the keys whose value is a number."""
    found = re.findall(
        r'\{ "(\w+)", "([a-z0-9-]+)",\s+(set_(?:duration|count|percent|rate))'
        r"(?:,\s+MEMBER\((?:\w+\.)?(\w+)\))?",
        read("user/lib/config/config_keys.c"))
    assert len(found) > 10, f"config_keys.c: found only {found}"
    return [(s, k, how, member or "reset_rate") for s, k, how, member in found]


@net_test
def test_example_told_wrong_bounds(env):
    """Bounds and defaults, in the manual and in the example's comments."""
    manual = sections(page("synkeeper.conf.5"), r"^# \[(\w+).*\]$")
    example = sections(read("dist/synkeeper.conf"), r"^\[(\w+).*\]$")
    values = defaults()
    for section, key, setter, member in numbers():
        least, most = bounds(env, section, key,
                             {"set_duration": "1ms",
                              "set_percent": "0%"}.get(setter, "0"))
        paragraph = re.search(rf"^{key} = .*\n((?:\t.*\n)+)", manual[section],
                              re.M)[1]
        told = re.search(r"(\S+)\s+to\s+(\S+),\s+default:?\s+(no bound|[\w%]+)",
                         paragraph)
        assert told and told.group(1, 2) == (least, most), \
            f"synkeeper.conf(5), {key}: expected '{least} to {most}, " \
            f"default ...', got: {paragraph}"
        shown = re.search(rf"((?:^[#;] .*\n)*)^#{key} = (\S+)$",
                          example[section], re.M)
        comment = re.sub(r"\n[#;] ", " ", shown[1])
        assert re.search(rf"(?<!\w){least} to {most}(?!\w)", comment), \
            f"dist/synkeeper.conf, {key}: expected '{least} to {most}' " \
            f"above it, got: {comment}"
        if told[3] == "no bound":
            continue
        for where, text in (("synkeeper.conf(5)", told[3]),
                            ("dist/synkeeper.conf", shown[2])):
            assert amount(text) == values[member], \
                f"{where}, {key}: expected the default {values[member]}, " \
                f"got {text}"


@net_test
def test_example(env):
    """It is right as it is, has every key, and each key in it exists."""
    path = f"{ROOT}/dist/synkeeper.conf"
    run([f"{OUTPUT}/synkeeperd", "--check", "-c", path])
    with open(path, encoding="utf-8") as f:
        text = f.read()
    by_section = sections(text, r"^\[(\w+).*\]$")
    for section, key in keys():
        assert re.search(rf"^#? *{key} = ", by_section.get(section, ""), re.M), \
            f"dist/synkeeper.conf: expected {key} under [{section}], got none"

    shown = re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.M)
    shown = shown.replace("invalid-ack = drop", "invalid-ack = reset")
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
    """Whatever document names a test."""
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
    """Each promise names the tests that hold it, and these exist."""
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
