# SPDX-License-Identifier: GPL-2.0-only
"""What a file tests/net/test_*.py consists of, and how one test is run.

Theory of operation: each test is a function with the decorator net_test. It
gets an Env (see netenv.py) of its own and runs in a process of its own:

	@net_test
	def test_curl(env):
		env.nginx()
		env.synkeeperd()
		...
		assert got == want, f"curl: expected {want}, got {got}"

@net_test(timeout=300) allows more than two minutes. skip("why") ends a test
whose feature this machine lacks. tests/run names it net/FILE/curl. Those of
tests/vm/ have another decorator and get another env: see vmenv.py. With
tests/run --mode skb the daemon attaches in skb mode unless the test chooses
another (see mode()); only_native("why") skips a test that would prove nothing
there.

usage: nettest.py FILE FUNCTION		exit code 0 passed, 77 skipped
"""
import importlib.util
import os
import sys
import traceback

from slack import slack

EXIT_SKIP = 77
TIMEOUT = 120
MODES = ("native", "skb")
MODE_VARIABLE = "SYNKEEPER_TEST_MODE"  # tests/bpf/harness.c reads it, too


class Skip(Exception):
    """The test cannot run here; says why."""


def skip(why):
    raise Skip(why)


def mode():
    """Where XDP programs run in this test: "native" or "skb"."""
    return os.environ.get(MODE_VARIABLE) or "native"


def only_native(why):
    if mode() != "native":
        skip(f"only in native mode: {why}")


def net_test(function=None, *, timeout=TIMEOUT):
    def mark(f):
        f.net_test_timeout = slack(timeout)
        return f
    return mark(function) if function else mark


def load(path):
    """Imports a test file."""
    name = os.path.basename(path)[:-len(".py")]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tests_in(module):
    """The functions that are tests, in the order of the file."""
    tests = []
    for name, value in vars(module).items():
        if not name.startswith("test_") or not callable(value):
            continue
        if not hasattr(value, "net_test_timeout"):
            raise TypeError(f"{name}() lacks the decorator @net_test: "
                            "it would never run")
        tests.append(value)
    return tests


def main(path, function):
    from netenv import Env
    try:
        test = getattr(load(path), function)
        with getattr(test, "net_test_env", Env)() as env:
            test(env)
    except Skip as why:
        print(f"skip: {why}", file=sys.stderr)
        return EXIT_SKIP
    except AssertionError as e:
        frames = traceback.extract_tb(e.__traceback__)
        here = [f for f in frames if f.filename == os.path.realpath(path)]
        where = f"{os.path.basename(path)}:{here[-1].lineno}: " if here else ""
        print(f"{where}{e or 'assertion without a message'}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    import nettest  # the one whose Skip the tests raise
    sys.exit(nettest.main(os.path.realpath(sys.argv[1]), sys.argv[2]))
