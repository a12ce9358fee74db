# SPDX-License-Identifier: GPL-2.0-only
"""Dashboard, alerts and manual name only metrics that exist.

Theory of operation: a live daemon's text is the reference. Every metric, label
and reason in the queries of dist/ must be in it; docs/METRICS.md must list each
family as it is. promtool, where it is installed (Debian: prometheus), checks
the text, the syntax of every query, and which alerts fire in
tests/lib/alerts.yml.
"""
import json
import os
import re
import shutil

import yaml
from prometheus_client.parser import text_string_to_metric_families

from goodclients import get_once
from namespace import run
from netenv import ROOT
from nettest import net_test, skip
from reasons import REASONS
from session_stats import protect

DASHBOARD = os.path.join(ROOT, "dist/grafana-dashboard.json")
ALERTS = os.path.join(ROOT, "dist/prometheus-alerts.yml")
MANUAL = os.path.join(ROOT, "docs/METRICS.md")
OTHER_VALUES = {"action": {"drop"}, "mode": {"skb", "missing", "none"},
                "policy": {"auto"}}  # besides those that are live
TARGET_LABELS = {"instance", "job"}  # Prometheus puts them on every series


def live_text(env):
    """From a daemon whose service had a session."""
    env.nginx()
    protect(env)
    get_once(env)
    return env.synkeeper("metrics").stdout


def families(text):
    """{name with _total: (family, {label: values})}"""
    found = {}
    for f in text_string_to_metric_families(text):
        labels = {}
        for s in f.samples:
            for k, v in s.labels.items():
                labels.setdefault(k, set()).add(v)
        name = f.name + ("_total" if f.type == "counter" else "")
        found[name] = (f, labels)
    return found


def dashboard():
    with open(DASHBOARD, encoding="utf-8") as f:
        return json.load(f)


def queries():
    """(where, query) of the dashboard's panels and variables, and the alerts."""
    board = dashboard()
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield f"panel '{panel['title']}'", target["expr"]
    for v in board["templating"]["list"]:
        if v["type"] == "query":
            yield f"variable {v['name']}", v["query"]["query"]
    with open(ALERTS, encoding="utf-8") as f:
        for group in yaml.safe_load(f)["groups"]:
            for rule in group["rules"]:
                yield f"alert {rule['alert']}", rule["expr"]


def seconds(text):
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


@net_test
def test_alerts_of_what_hurts_came_after_five_minutes(_env):
    """Alerts for what cuts off or slows down good clients fire within one; each
    alert is expected to fire by a test, or is listed below."""
    with open(ALERTS, encoding="utf-8") as f:
        rules = {rule["alert"]: rule for group in yaml.safe_load(f)["groups"]
                 for rule in group["rules"]}
    for name in ("Down", "ServiceUnprotected", "InterfaceMissing",
                 "UnderAttack", "AutoArmed", "TableNearlyFull",
                 "SessionsEvicted", "SocketsRefused"):
        rule = rules[f"Synkeeper{name}"]
        spans = [rule.get("for", "0s"), *re.findall(r"\[(\w+)\]",
                                                    rule["expr"])]
        assert max(map(seconds, spans)) <= 60, f"{name}: {spans}"
    with open(os.path.join(ROOT, "tests/lib/alerts.yml"),
              encoding="utf-8") as f:
        tried = set(re.findall(r'alertname="(\w+)"', f.read()))
    untried = {"SynkeeperNotReady", "SynkeeperSocketsRefused",
               "SynkeeperEventsLost", "SynkeeperSkbMode",
               "SynkeeperNodesDiffer"}
    assert tried | untried == set(rules) and not tried & untried, \
        f"tried {tried}, there are {set(rules)}"


def check_matchers(where, name, labels, matchers):
    for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
        assert not labels or label in labels.keys() | TARGET_LABELS, \
            f"{where}: {name} has no label {label}, only {sorted(labels)}"
        if "$" in value or label in TARGET_LABELS:
            continue
        for one in value.split("|"):
            known = labels.get(label, set()) | OTHER_VALUES.get(label, set())
            assert one in REASONS if label == "reason" else one in known, \
                f"{where}: {name} can have no {label}=\"{one}\""


@net_test
def test_queries(env):
    """Each metric, label and value in them exists."""
    live = families(live_text(env))
    seen = set()
    for where, query in queries():
        named = re.findall(r"(synkeeper_\w+)(?:\{([^}]*)\})?", query)
        assert named or query.startswith("up{"), \
            f"{where}: no metric of ours in {query}"
        for name, matchers in named:
            base = re.sub("_(bucket|sum|count)$", "", name)
            name = name if name in live else base
            assert name in live, f"{where}: there is no metric {name}"
            seen.add(name)
            check_matchers(where, name, live[name][1], matchers)
    unused = live.keys() - seen - {"synkeeper_start_time_seconds",
                                   "synkeeper_key_epoch",
                                   "synkeeper_service_info"}
    assert not unused, f"neither dashboard nor alerts show {sorted(unused)}"


@net_test
def test_dashboard(_env):
    """Panels with a title and space of their own; variables that exist."""
    board = dashboard()
    names = {v["name"] for v in board["templating"]["list"]}
    taken, ids = {}, set()
    for p in board["panels"]:
        at, title = p["gridPos"], p["title"]
        assert title and p["id"] not in ids, f"panel {p['id']}: {title!r}"
        ids.add(p["id"])
        assert at["x"] + at["w"] <= 24, f"'{title}' is outside the grid"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), title)
                assert other == title, f"'{title}' overlaps '{other}'"
    for where, query in queries():
        for name in re.findall(r"\$\{?(\w+)", query):
            assert name in names | {"__rate_interval"}, \
                f"{where}: there is no variable ${name}"


@net_test
def test_manual(env):
    """docs/METRICS.md lists every family: name, type, labels, meaning."""
    live = families(live_text(env))
    with open(MANUAL, encoding="utf-8") as f:
        rows = re.findall(r"^\| `(synkeeper_\w+)` \| (.*) \|$", f.read(), re.M)
    listed = dict(rows)
    assert len(listed) == len(rows), "a metric is there twice"
    assert list(listed) == list(live), "metrics in docs/METRICS.md and live " \
        f"differ: {sorted(listed.keys() ^ live.keys()) or 'in their order'}"
    for name, (family, labels) in live.items():
        told = re.findall("`(\\w+)`", listed[name].split(" | ")[1])
        if not family.samples:  # none here, so no labels are known
            labels = dict.fromkeys(told)
        want = " | ".join([family.type, " ".join(f"`{k}`" for k in labels),
                           family.documentation])
        assert listed[name] == want, \
            f"docs/METRICS.md, {name}: expected\n{want}\nbut it says\n" \
            f"{listed[name]}"


def promtool(*args, **kwargs):
    p = run(["promtool", *args], check=False, **kwargs)
    # it warns about bad style with exit code 3
    assert p.returncode == 0 and not p.stderr.strip(), \
        f"promtool {' '.join(args)}: {p.returncode}: {p.stdout}{p.stderr}"


@net_test
def test_promtool(env):
    if not shutil.which("promtool"):
        skip("no promtool here (Debian: prometheus)")
    promtool("check", "metrics", input=live_text(env))
    promtool("check", "rules", ALERTS)
    promtool("test", "rules", os.path.join(ROOT, "tests/lib/alerts.yml"))
    rules = [{"record": f"a:query{n}", "expr":
              query.replace("$__rate_interval", "1m")}
             for n, (where, query) in enumerate(queries())
             if where.startswith("panel")]
    path = f"{env.dir}/dashboard.yml"
    with open(path, "w", encoding="utf-8") as f:
        yaml.safe_dump({"groups": [{"name": "a", "rules": rules}]}, f)
    promtool("check", "rules", path)
