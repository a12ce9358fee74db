# SPDX-License-Identifier: GPL-2.0-only
"""A terminal's contents, characters and colours, as an SVG picture.

svg(buffer, cols, lines, title): the picture's text; @buffer is that of a
terminal.py's screen.
"""
from xml.sax.saxutils import escape

CELL_W, CELL_H, BORDER = 8.43, 18, 12  # of DejaVu at 14 px
GROUND, INK = "#16181d", "#d5d8de"
COLOURS = {"red": "#e5605b", "green": "#6cb86a", "brown": "#d9a441",
           "cyan": "#4fb3bf"}


def style(char):
    """(foreground, background or None, bold) of one character."""
    ink, ground = COLOURS.get(char.fg, INK), None
    if char.reverse:
        ink, ground = GROUND, ink
    return ink, ground, char.bold


def runs(line, cols):
    """(column, text, style) for runs of one style; blanks without colour are
    left out."""
    start, text = 0, ""
    for x in range(cols + 1):
        if x == cols or style(line[x]) != style(line[start]):
            if text.strip() or style(line[start])[1]:
                yield start, text, style(line[start])
            start, text = x, ""
        if x < cols:
            text += line[x].data


def elements(buffer, cols, lines, title):
    width, height = cols * CELL_W + 2 * BORDER, lines * CELL_H + 2 * BORDER
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
           f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
           'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
           'font-size="14">')
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>'
    for y in range(lines):
        for x, text, (ink, ground, bold) in runs(buffer[y], cols):
            left, top = BORDER + x * CELL_W, BORDER + y * CELL_H
            if ground:
                yield (f'<rect x="{left:.1f}" y="{top}" '
                       f'width="{len(text) * CELL_W:.1f}" height="{CELL_H}" '
                       f'fill="{ground}"/>')
            left += (len(text) - len(text.lstrip())) * CELL_W
            text = text.strip()
            if text:
                weight = ' font-weight="bold"' if bold else ""
                yield (f'<text x="{left:.1f}" y="{top + 13.5}" fill="{ink}"'
                       f'{weight} textLength="{len(text) * CELL_W:.1f}" '
                       'lengthAdjust="spacingAndGlyphs" '
                       f'xml:space="preserve">{escape(text)}</text>')
    yield "</svg>"


def svg(buffer, cols, lines, title):
    return "\n".join(elements(buffer, cols, lines, title)) + "\n"
