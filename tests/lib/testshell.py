# SPDX-License-Identifier: GPL-2.0-only
"""`tests/run --shell`: a sandbox that disappears when the shell exits.

Theory of operation: an Env with nginx and the daemon, and an interactive bash
in the client's namespace whose start-up file defines a few short commands.
"""
import os
import shlex
import signal
import subprocess
import sys

from netenv import OUTPUT, Env

RC = """
export PS1='client# '
server() {{ {server} "$@"; }}
synkeeper() {{ server {synkeeper} "$@"; }}
flood() {{ {flood} "$@"; }}
cat <<'END'
You are the client, {client}; the server is {server_ip} and [{server_ip6}].
  curl {server_ip}/1k                     a page; wrk http://{server_ip}/1k for many
  flood --kind syn --seconds 10 &         or ack, rst, mixed, ...; see --help
  synkeeper status                        also: stats, service list, key list
  server ss -tn                           any command on the server
  server tcpdump -ni server0 tcp
Logs are in {dir}. Leave with Ctrl-D, which removes everything.
END
"""


def run_shell():
    with Env() as env:
        env.nginx()
        if os.access(f"{OUTPUT}/synkeeperd", os.X_OK):
            env.synkeeperd()
        else:
            print("synkeeperd is not built: the server is unprotected",
                  file=sys.stderr)
        rc = f"{env.dir}/bashrc"
        with open(rc, "w", encoding="utf-8") as f:
            f.write(RC.format(
                server=shlex.join(env.server.command([])),
                synkeeper=shlex.join(env.synkeeper_command()),
                flood=shlex.join(env.flood_command()),
                client=env.client.ip4, server_ip=env.server.ip4,
                server_ip6=env.server.ip6, dir=env.dir))
        # A handler, as the shell's commands would inherit SIG_IGN.
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.call(env.client.command(
            ["bash", "--noprofile", "--rcfile", rc, "-i"]))
