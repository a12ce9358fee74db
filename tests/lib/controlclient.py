# SPDX-License-Identifier: GPL-2.0-only
"""Connections to the daemon's control socket, without `synkeeper` between.

dial() is the bare socket, for tests of the protocol itself; ControlClient
sends requests and reads lines.
"""
import json
import socket


def dial(env, timeout=10):
    s = socket.socket(socket.AF_UNIX)
    s.connect(env.control)  # waits for a place in the backlog
    s.settimeout(timeout)
    return s


class ControlClient:
    def __init__(self, env, timeout=20):
        self._socket = dial(env, timeout)
        self._file = self._socket.makefile("rw")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def send(self, cmd, **arguments):
        """The reply, as it came."""
        self._file.write(json.dumps({"cmd": cmd, **arguments}) + "\n")
        self._file.flush()
        return self.line()

    def line(self):
        return json.loads(self._file.readline())
