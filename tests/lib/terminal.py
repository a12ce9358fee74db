# SPDX-License-Identifier: GPL-2.0-only
"""A command on a terminal of its own, and what that terminal shows.

Theory of operation: a pseudo-terminal that is read whenever a test looks; pyte
turns the output into a screen, with colours. The command leads a session with
the terminal as its controlling one, so that Ctrl-C and hang-ups reach it.
"""
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

from namespace import wait_for
from slack import slack


class Terminal:
    def __init__(self, cmd, cols=80, lines=24, locale="C.UTF-8",
                 term="xterm-256color"):
        self.master, self.slave = pty.openpty()
        self.screen = pyte.Screen(cols, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.resize(cols, lines)
        self.before = termios.tcgetattr(self.slave)
        self.last = b""  # the end of the output
        env = dict(os.environ, TERM=term, LC_ALL=locale)
        self.process = subprocess.Popen(
            cmd, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        """Hangs up."""
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)

    def resize(self, cols, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, cols, 0, 0))
        self.screen.resize(lines, cols)
        self.screen.erase_in_display(2)

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self):
        """Processes all output so far."""
        while select.select([self.master], [], [], 0)[0]:
            data = os.read(self.master, 65536)
            self.last = (self.last + data)[-4096:]
            self.stream.feed(data)

    def text(self):
        """The lines of the screen, as they are now."""
        self.read()
        return [line.rstrip() for line in self.screen.display]

    def row(self, word):
        """The first line with this word in it, or ""."""
        return next((line for line in self.text() if word in line), "")

    def wait_text(self, *words, timeout=10):
        """Waits until all of them are on the screen; its lines."""
        try:
            wait_for(lambda: all(self.row(word) for word in words), timeout,
                     "")
        except AssertionError:
            raise AssertionError(
                f"expected {words} on the screen within {timeout} s, got:\n" +
                "\n".join(self.text())) from None
        return self.text()

    def wait_end(self, timeout=5):
        """The exit code; output is still read meanwhile."""
        end = time.monotonic() + slack(timeout)
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(
                    f"still running after {timeout} s, with the screen:\n" +
                    "\n".join(self.text()))
            self.read()
            time.sleep(0.01)
        self.read()
        return self.process.returncode

    def interrupt(self):
        """Ctrl-C, through the terminal."""
        self.type(chr(3))

    def check_restored(self, when):
        """Settings and screen are as they were before."""
        assert termios.tcgetattr(self.slave) == self.before, \
            f"{when}: the terminal's settings were not restored"
        for what, code in (("the screen before", b"\x1b[?1049l"),
                           ("the cursor", b"\x1b[?25h")):
            assert code in self.last, f"{when}: {what} was not restored"
