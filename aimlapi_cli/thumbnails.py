"""Small pictures on a terminal that can show them: by kitty's graphics protocol or as sixel; nothing anywhere else.

A terminal is known by its environment, or says of itself that it has sixel. It is asked only where nobody can be
disturbed: a person's terminal, in the foreground, with nothing typed that is not read yet.
Source: https://sw.kovidgoyal.net/kitty/graphics-protocol, https://vt100.net/docs/vt3xx-gp/chapter14.html
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING

from aimlapi_cli import streams

if TYPE_CHECKING:
    from PIL.Image import Image

_CELLS = (40, 15)  # columns and rows of a thumbnail at most
_CELL_PIXELS = (8, 16)  # about as large as a character is
_COLOURS = 64
_CHUNK = 4096  # bytes of base64 in one escape of kitty's
_SECONDS = 1.0  # for a terminal to say what it can: later, the shell would take its answer as typed
_ATTRIBUTES = re.compile(rb"\x1b\[\?([0-9;]*)c")
_SIXEL = b"4"  # among a terminal's attributes

Encoder = Callable[["Image"], Iterator[str]]


def encoder() -> Encoder | None:
    """How this terminal shows a picture; None where it does not, or it is not known."""
    if not streams.is_terminal() or os.environ.get("TERM", "dumb") in ("", "dumb", "linux"):
        return None
    if _is_kitty(os.environ):
        return kitty
    return sixel if _has_sixel() else None


def show(data: bytes, encode: Encoder) -> None:
    """Shows a picture, small; what cannot be read as one is not shown.

    Raises:
        OSError: stdout cannot be written.
    """
    picture = _small(data)
    if picture is not None:
        for piece in encode(picture):
            sys.stdout.write(piece)
        sys.stdout.write("\n")
        sys.stdout.flush()


def _small(data: bytes) -> Image | None:
    try:
        from PIL import Image, ImageOps
    except ImportError:  # it comes with matplotlib, as a rule
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            largest = _largest()
            opened.draft("RGB", largest)  # a large JPEG is decoded smaller
            picture = ImageOps.exif_transpose(opened) or opened
            picture.thumbnail(largest)
            clear = picture.convert("RGBA")
            white = Image.new("RGBA", clear.size, "white")
            return Image.alpha_composite(white, clear).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow raises all of these
        return None


def _largest() -> tuple[int, int]:
    """Pixels of a thumbnail at most: as many characters on any terminal, of which some have pixels twice as dense."""
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    width, height = _CELL_PIXELS
    try:
        import fcntl
        import struct
        import termios

        size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        rows, columns, x, y = struct.unpack("HHHH", size)  # pixels are 0 where the terminal does not say
        width, height = (x // columns or width, y // rows or height) if columns and rows else (width, height)
    except (ImportError, OSError):  # Windows
        pass
    return max(min(columns, _CELLS[0]), 1) * width, _CELLS[1] * height


# -- what the terminal can ---------------------------------------------------------------------------------------------


def _is_kitty(variables: Mapping[str, str]) -> bool:
    """Whether the environment is of a terminal with kitty's protocol, and no multiplexer is in between."""
    if variables.get("TMUX") or variables.get("STY") or variables.get("ZELLIJ"):
        return False
    return (
        variables.get("TERM") in ("xterm-kitty", "xterm-ghostty")
        or variables.get("TERM_PROGRAM") in ("ghostty", "WezTerm")
        or bool(variables.get("KITTY_WINDOW_ID"))
    )


def _has_sixel() -> bool:
    """What the terminal answers to the question for its attributes (DA1), which every one knows."""
    try:
        import select
        import termios
        import tty

        terminal = os.open(os.ttyname(sys.stdout.fileno()), os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError, ValueError):  # Windows; a stream of a test
        return False
    try:
        # In the background a question would stop the process; what is typed ahead would be taken for an answer.
        if os.tcgetpgrp(terminal) != os.getpgrp() or select.select([terminal], [], [], 0)[0]:
            return False
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSANOW)
            os.write(terminal, b"\x1b[c")
            found, typed = _answer(terminal, select.select)
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)
        _type_again(terminal, typed)
        return found is not None and _SIXEL in found[1].split(b";")
    except (OSError, termios.error):
        return False
    finally:
        os.close(terminal)


def _answer(
    terminal: int, select: Callable[..., tuple[list[int], list[int], list[int]]]
) -> tuple[re.Match[bytes] | None, bytes]:
    """What the terminal answers, and what was typed meanwhile."""
    said, end = b"", time.monotonic() + _SECONDS
    while (left := end - time.monotonic()) > 0 and select([terminal], [], [], left)[0]:
        said += os.read(terminal, 64)
        found = _ATTRIBUTES.search(said)
        if found is not None:
            return found, _ATTRIBUTES.sub(b"", said)
        if len(said) > 1000:
            break
    return None, said


def _type_again(terminal: int, typed: bytes) -> None:
    """Gives back what was typed for the shell; a system that forbids that (Linux may) loses it."""
    import fcntl
    import termios

    with suppress(OSError, AttributeError):
        for code in typed:
            fcntl.ioctl(terminal, termios.TIOCSTI, bytes([code]))


# -- encoders ----------------------------------------------------------------------------------------------------------


def kitty(picture: Image) -> Iterator[str]:
    """A PNG in kitty's protocol; the terminal is asked not to answer."""
    written = io.BytesIO()
    picture.save(written, "PNG")
    coded = base64.b64encode(written.getvalue()).decode()
    for begin in range(0, len(coded), _CHUNK):
        more = int(begin + _CHUNK < len(coded))
        head = f"a=T,f=100,q=2,m={more}" if begin == 0 else f"m={more}"
        yield f"\x1b_G{head};{coded[begin : begin + _CHUNK]}\x1b\\"


def sixel(picture: Image) -> Iterator[str]:
    """A picture of few colours, in bands of six lines; a band more would take a row of the terminal."""
    few = picture.quantize(_COLOURS)
    width, height = few.size
    palette, dots = few.getpalette() or [], few.tobytes()
    yield f'\x1bPq"1;1;{width};{height}'
    for colour in sorted(set(dots)):
        red, green, blue = (round(part * 100 / 255) for part in palette[colour * 3 : colour * 3 + 3])
        yield f"#{colour};2;{red};{green};{blue}"
    for top in range(0, height, 6):
        lines = [dots[line * width : (line + 1) * width] for line in range(top, min(top + 6, height))]
        for colour in sorted(set(b"".join(lines))):
            columns = (
                sum((dot == colour) << bit for bit, dot in enumerate(column)) for column in zip(*lines, strict=True)
            )
            yield f"#{colour}{''.join(_run(bits, len(list(same))) for bits, same in groupby(columns))}$"
        yield "-" if top + 6 < height else "\x1b\\"


def _run(bits: int, count: int) -> str:
    character = chr(63 + bits)
    return f"!{count}{character}" if count > 3 else character * count
