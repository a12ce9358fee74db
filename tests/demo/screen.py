# SPDX-License-Identifier: GPL-2.0-only
"""Rows of figures, each with a bar, that grow on a terminal.

Theory of operation: on a terminal, the row being measured is redrawn in place.
Elsewhere (a file, TERM=dumb) each row is written once, when it is done, without
colours. The longest bar is the first row's.
"""
import os

WIDTH = 20
COLUMNS = "{:<20}{:>10}{:>9}{:>10}{:>8}  {}"
RED, GREEN, RESET = "\x1b[31m", "\x1b[32m", "\x1b[0m"
BLOCKS = " ▏▎▍▌▋▊▉█"


class Screen:
    def __init__(self, out):
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") not in (
            None, "", "dumb")
        self._colours = self._live and "NO_COLOR" not in os.environ
        self._blocks = (out.encoding or "").lower().startswith("utf") and \
            os.environ.get("TERM") != "dumb"
        self._most = 0  # good connections per second: a full bar
        self._unfinished = False

    def text(self, text):
        self._write(text + "\n")

    def head(self):
        self.text(COLUMNS.format("", "SYNs/s", "good/s", "p99 ms", "failed",
                                 "").rstrip())

    def row(self, row, done=False):
        """@row: demo.py's Row, as far as it is known."""
        if not done and not self._live:
            return
        if done:
            self._most = self._most or row.good
        line = COLUMNS.format(
            "  " + row.title, self._rate(row), f"{row.good:,.0f}",
            "" if row.p99_ms is None else f"{row.p99_ms:,.1f}", row.failed,
            self._bar(row)).rstrip()
        self._write(("\r\x1b[K" if self._live else "") + line +
                    ("\n" if done else ""))
        self._unfinished = not done

    def end(self):
        """Ends a row that will not be completed."""
        if self._unfinished:
            self._write("\n")
        self._unfinished = False

    @staticmethod
    def _rate(row):
        """What was sent; until that is known, what was requested."""
        return f"{row.sent or row.rate or 0:,.0f}"

    def _bar(self, row):
        part = min(1, row.good / (self._most or row.good or 1))
        if self._blocks:
            eighths = round(part * WIDTH * 8)
            bar = "█" * (eighths // 8) + BLOCKS[eighths % 8].strip()
        else:
            bar = "#" * round(part * WIDTH)
        if not self._colours:
            return bar
        return (GREEN if part >= 0.5 else RED) + bar + RESET

    def _write(self, text):
        self._out.write(text)
        self._out.flush()
