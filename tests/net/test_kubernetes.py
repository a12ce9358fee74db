# SPDX-License-Identifier: GPL-2.0-only
"""The Kubernetes manifest is YAML, has the unit's capabilities and no more, and
its configuration is right.

Theory of operation: net/install/capabilities tests that the unit's capabilities
are enough; here the two must be the same.
"""
import re

from namespace import run
from netenv import OUTPUT, ROOT
from nettest import net_test, skip


def manifest():
    """{kind: document}"""
    try:
        import yaml
    except ImportError:
        skip("python3-yaml is not installed")
    with open(f"{ROOT}/dist/kubernetes/daemonset.yaml", encoding="utf-8") as f:
        return {d["kind"]: d for d in yaml.safe_load_all(f)}


def pod():
    return manifest()["DaemonSet"]["spec"]["template"]["spec"]


@net_test
def test_capabilities(env):
    del env
    context = pod()["containers"][0]["securityContext"]
    with open(f"{ROOT}/dist/synkeeperd.service", encoding="utf-8") as f:
        unit = re.search(r"^CapabilityBoundingSet=(.*)$", f.read(), re.M)
    want = {c.removeprefix("CAP_") for c in unit.group(1).split()}
    with open(f"{ROOT}/user/daemon/process/caps.c", encoding="utf-8") as f:
        added = re.search(r"CAPNG_ADD,(.*?)\)", f.read(), re.S)[1]
    kept = set(re.findall(r"\bCAP_(\w+)", added))
    got = set(context["capabilities"]["add"])
    assert got == want, f"expected the unit's {want}, got {got}"
    assert kept and kept <= got, f"caps.c keeps {kept}, of {got}"
    assert context["capabilities"]["drop"] == ["ALL"], "the rest is not dropped"
    assert not context["privileged"], "it is privileged"
    assert pod()["hostNetwork"], "it is not on the node's network"


@net_test
def test_profile_was_left_to_the_kubelet(env):
    """RuntimeDefault denies bpf() despite CAP_BPF with some runtimes."""
    del env
    context = pod()["containers"][0]["securityContext"]
    got = context.get("seccompProfile")
    assert got == {"type": "Unconfined"}, \
        f"expected the profile to be Unconfined, got {got}"


@net_test
def test_configuration(env):
    conf = f"{env.dir}/synkeeper.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write(manifest()["ConfigMap"]["data"]["synkeeper.conf"])
    run([f"{OUTPUT}/synkeeperd", "--check", "-c", conf])
    container = pod()["containers"][0]
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    volumes = {v["name"] for v in pod()["volumes"]}
    assert set(mounts) == volumes, f"mounted {set(mounts)}, of {volumes}"
    path = f"{mounts['config']}/synkeeper.conf"
    assert container["args"] == ["-c", path], \
        f"expected -c {path}, got {container['args']}"
