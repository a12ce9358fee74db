# SPDX-License-Identifier: GPL-2.0-only
"""A build with tools that are missing or too old says so in one line.

Theory of operation: scripts/tools, the first step of the build, is run with
stand-ins for a compiler, bpftool or pkg-config that answer like old ones.
Nothing may have been built by then.
"""
import os

from namespace import run
from netenv import ROOT
from nettest import net_test

# Ubuntu's, where linux-tools of the running kernel is not installed
WRAPPER = """
echo "WARNING: bpftool not found for kernel 6.8.0-31" >&2
exit 2
"""
OLD_LIBBPF = """
case "$1 $2" in
"--modversion libbpf") echo 0.5.0 ;;
"--exists "*) ;;
esac
"""
NO_LIBMNL = '[ "$1 $2" != "--exists libmnl" ]'
OLD_CLANG = "echo 13"
NO_BPF = 'case "$*" in *-target*) exit 1 ;; *) echo 19 ;; esac'
OLD_HEADERS = """
[ "$1" != -dumpmachine ] || { echo x86_64-linux-gnu; exit; }
case $(cat) in
*linux/version*) echo 331520 ;;
*clang*) echo __clang_major__ ;;
*) echo 12 ;;
esac
"""


def stand_in(env, name, script):
    path = f"{env.dir}/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n{script}\n")
    os.chmod(path, 0o755)
    return path


def make(env, **variables):
    return run(["make", "-s", "-C", ROOT, f"O={env.dir}/built", "all",
                *(f"{k}={v}" for k, v in variables.items())], check=False,
               env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"})


def refused(env, words, **variables):
    p = make(env, **variables)
    told = [line for line in p.stderr.splitlines()
            if not line.startswith("make")]
    assert p.returncode and len(told) == 1 and \
        all(word in told[0] for word in words), \
        f"make {variables}: expected one line with {words}, got exit code " \
        f"{p.returncode}, {told}"
    built = [name for _, _, names in os.walk(f"{env.dir}/built")
             for name in names]
    assert not built, f"make {variables}: it went on and built {built}"


@net_test
def test_old_or_missing_tools(env):
    refused(env, ["clang-none", "scripts/deps"], CLANG="clang-none")
    refused(env, ["version 13", "14 is needed"],
            CLANG=stand_in(env, "clang", OLD_CLANG))
    refused(env, ["cannot compile for BPF", "CLANG="],
            CLANG=stand_in(env, "clang", NO_BPF))
    refused(env, ["no compiler", "gcc-none"], CC="gcc-none")
    refused(env, ["Linux 5.15", "linux-libc-dev"],
            CC=stand_in(env, "cc", OLD_HEADERS))
    refused(env, ["does not run", "linux-tools", "BPFTOOL="],
            BPFTOOL=stand_in(env, "bpftool", WRAPPER))
    refused(env, ["5.10.0", "7.1 is needed"],
            BPFTOOL=stand_in(env, "bpftool", "echo bpftool v5.10.0"))
    refused(env, ["no libmnl"],
            PKG_CONFIG=stand_in(env, "pkg-config", NO_LIBMNL))
    refused(env, ["libbpf is version 0.5.0", "1.1 is needed"],
            PKG_CONFIG=stand_in(env, "pkg-config", OLD_LIBBPF))


@net_test
def test_an_architecture_without_kernel_types(env):
    refused(env, ["ARCH=riscv64", "arm64 x86", "scripts/gen-vmlinux"],
            ARCH="riscv64")


@net_test
def test_versions_are_those_of_the_readme(env):
    """The build requires the versions that README.md states."""
    del env
    with open(f"{ROOT}/README.md", encoding="utf-8") as f:
        readme = f.read()
    with open(f"{ROOT}/scripts/tools", encoding="utf-8") as f:
        oldest = dict(line.strip().split("_OLDEST=") for line in f
                      if "_OLDEST=" in line)
    assert len(oldest) == 5, f"scripts/tools: found only {oldest}"
    for name, version in oldest.items():
        word = {"HEADERS": "Linux"}.get(name, name.lower())
        assert f"{word} {version}" in readme, \
            f"README.md: expected '{word} {version}', which the build demands"
