# SPDX-License-Identifier: GPL-2.0-only
"""What clients outside do with servers in a guest (vmenv.py).

Theory of operation: each of these must succeed whatever is done to Synkeeper
meanwhile, and says which did not. @when is for the message.
"""
from namespace import wait_for
from sockets import Pattern, Task
from vmenv import FILES

MOVED = 2 << 20


def connect_often(env, when, n):
    """@n connections, one after another; each must be served."""
    script = 'for i in $(seq "$0"); do curl -sSgf -m 60 -o /dev/null ' \
        '-w "%{size_download}\\n" "$1"; done'
    got = env.client.run(["sh", "-c", script, n, env.url("1k")], check=False)
    sizes = got.stdout.split()
    want = [str(FILES["1k"])] * n
    assert sizes == want, f"{when}: expected {n} answers of {FILES['1k']} " \
        f"bytes, got {sizes.count(want[0])}, {got.stderr[:500]}"


def echo_through(c, when):
    """Megabytes there and back."""
    pattern = Pattern(MOVED, when)
    task = Task(pattern.send, c)
    pattern.check(c)
    task.done()


def admitted(env, n, when):
    """Requires that each client was admitted by a cookie, ours or the
    kernel's."""
    def cookies():
        return env.count("admitted") + env.count("kernel_cookie")
    before = cookies()
    connect_often(env, when, n)
    wait_for(lambda: cookies() >= before + n, 10,
             f"{n} admitted cookies {when}")
