"""Small pictures: on terminals that can show them, and nothing at all anywhere else."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aimlapi_cli import thumbnails
from aimlapi_emulator import EmulatorServer
from tests.cli.shell import environment, in_a_pipe, on_a_terminal

Image = pytest.importorskip("PIL.Image", reason="it comes with matplotlib")
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
LINE = ("image", "flux/dev", "A cat")
SIXEL = re.compile(r'\x1bPq"1;1;(\d+);(\d+)(.*?)\x1b\\', re.DOTALL)


@pytest.fixture
def home(server: EmulatorServer, tmp_path: Path) -> dict[str, str]:
    return environment(server.base_url, tmp_path)


@pytest.fixture
def picture() -> Image.Image:
    found = Image.new("RGB", (31, 20), "white")
    for x in range(31):
        for y in range(20):
            found.putpixel((x, y), (255, 0, 0) if (x + y) % 5 < 2 else (0, 0, 255))
    return found


def undone(shown: str) -> Image.Image:
    """The picture that a sixel sequence draws."""
    found = SIXEL.search(shown)
    assert found is not None
    drawn = Image.new("RGB", (int(found[1]), int(found[2])), "black")
    colours: dict[int, tuple[int, ...]] = {}
    x = y = colour = 0
    for number, defined, repeat, count, dots, control in re.findall(
        r"#(\d+)(;2;\d+;\d+;\d+)?|(!(\d+))?([?-~])|([$-])", found[3]
    ):
        if number:
            colour = int(number)
            if defined:
                colours[colour] = tuple(round(int(part) * 255 / 100) for part in defined.split(";")[2:])
        elif control:
            x, y = 0, y + 6 * (control == "-")
        for _ in range(int(count) if repeat else bool(dots)):
            for bit in range(6):
                if (ord(dots) - 63) >> bit & 1:
                    drawn.putpixel((x, y + bit), colours[colour])
            x += 1
    return drawn


def test_sixel_draws_the_picture(picture: Image.Image) -> None:
    assert undone("".join(thumbnails.sixel(picture))).tobytes() == picture.tobytes()


def test_sixel_ends_at_its_last_band(picture: Image.Image) -> None:
    """A new line after the last band would scroll the terminal, and leave a row blank."""
    whole = "".join(thumbnails.sixel(picture))
    assert whole.count("-") == -(-picture.height // 6) - 1 and whole.endswith("$\x1b\\")


@needs_unix
@pytest.mark.parametrize(
    ("size", "largest"),
    [
        ((24, 80, 0, 0), (320, 240)),  # a terminal that does not say how large a character is
        ((24, 80, 1600, 960), (800, 600)),  # one with small pixels: as many characters
        ((24, 20, 140, 384), (140, 240)),  # no wider than the terminal
    ],
)
def test_a_picture_takes_as_many_characters_on_any_terminal(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, ...], largest: tuple[int, int]
) -> None:
    import fcntl
    import pty
    import struct
    import termios

    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert thumbnails._largest() == largest
        monkeypatch.undo()
    os.close(mine)


@needs_unix
def test_what_is_typed_while_the_terminal_is_asked_is_for_the_shell(home: dict[str, str], tmp_path: Path) -> None:
    """It reads the keys after the command, also where the terminal never answers."""
    allowed = Path("/proc/sys/dev/tty/legacy_tiocsti")
    if not allowed.exists() or allowed.read_text().strip() != "1":
        pytest.skip("the system lets no program give back what was typed")
    code = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-m', 'aimlapi_cli', *{list(LINE)!r}])\n"
        "print('shell read', repr(sys.stdin.readline()))"
    )
    for answer in (b"\x1b[?62;4c", b""):
        shown = on_a_terminal(
            (), home, typed=[("\x1b[c", b"ls" + answer + b" -l\r")], cwd=tmp_path, command=[sys.executable, "-c", code]
        )
        assert "shell read 'ls -l\\n'" in shown.text, shown.text


def test_kitty_gets_the_picture_in_pieces_and_answers_nothing(picture: Image.Image) -> None:
    large = Image.effect_noise((200, 200), 90)
    for one in (picture, large):
        pieces = list(thumbnails.kitty(one))
        parts = [re.fullmatch(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", piece) for piece in pieces]
        assert all(part is not None and len(part[2]) <= 4096 for part in parts)
        assert [part[1] for part in parts if part][1:] == ["m=1"] * (len(parts) - 2) + ["m=0"] * (len(parts) > 1)
        assert "q=2" in pieces[0] and "f=100" in pieces[0] and "a=T" in pieces[0]
        whole = base64.b64decode("".join(part[2] for part in parts if part))
        assert Image.open(io.BytesIO(whole)).convert("RGB").tobytes() == one.convert("RGB").tobytes()


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"GIF89a" + bytes(20)])
def test_what_is_no_picture_is_not_shown(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    thumbnails.show(data, thumbnails.sixel)
    assert capsys.readouterr().out == ""


@needs_unix
@pytest.mark.parametrize(("columns", "save"), [(20, ()), (200, ("--save", "cat.png"))])
def test_a_terminal_that_says_it_has_sixel_shows_it(
    home: dict[str, str], tmp_path: Path, columns: int, save: tuple[str, ...]
) -> None:
    shown = on_a_terminal((*LINE, *save), home, columns, [("\x1b[c", b"\x1b[?62;4;22c")], cwd=tmp_path)
    assert shown.code == 0 and 0 < undone(shown.raw).width <= min(columns * 8, 320)
    assert shown.raw.count("\x1bP") == 1 and "62;4;22" not in shown.raw  # what it answered is not shown


@needs_unix
@pytest.mark.parametrize("answer", [b"\x1b[?64;14;22c", b""])
def test_any_other_terminal_shows_nothing(home: dict[str, str], tmp_path: Path, answer: bytes) -> None:
    shown = on_a_terminal(LINE, home, typed=[("\x1b[c", answer)], cwd=tmp_path)
    assert shown.code == 0 and "\x1bP" not in shown.raw and "\x1b_" not in shown.raw
    assert re.search(r"^http\S+$", shown.text, re.M)


@needs_unix
@pytest.mark.parametrize(
    ("variables", "is_shown"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"KITTY_WINDOW_ID": "1"}, True),
        ({"KITTY_WINDOW_ID": "1", "TMUX": "/tmp/tmux-0/default,1,0"}, False),
        ({"KITTY_WINDOW_ID": "1", "TERM": "dumb"}, False),
    ],
)
def test_kitty_is_known_by_its_environment(
    home: dict[str, str], tmp_path: Path, variables: dict[str, str], is_shown: bool
) -> None:
    clean = {
        name: value for name, value in home.items() if name not in ("TMUX", "STY", "ZELLIJ", "TERM", "TERM_PROGRAM")
    }
    shown = on_a_terminal(LINE, {**clean, **variables}, cwd=tmp_path)
    assert shown.code == 0 and ("\x1b_G" in shown.raw) == is_shown
    assert ("\x1b[c" in shown.raw) == ("TMUX" in variables)


def test_a_pipe_and_json_get_no_picture(home: dict[str, str], tmp_path: Path) -> None:
    settings = {**home, "TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}
    assert re.fullmatch(rb"http\S+\n", in_a_pipe(LINE, settings, cwd=tmp_path).stdout)
    if sys.platform != "win32":
        assert "\x1b_" not in on_a_terminal((*LINE, "--json"), settings, cwd=tmp_path).raw


@needs_unix
def test_a_command_in_the_background_does_not_ask(home: dict[str, str], tmp_path: Path) -> None:
    """A question would stop it (SIGTTOU), or take what is typed for the shell."""
    code = (
        "import os, subprocess, sys\n"
        "line = [sys.executable, '-m', 'aimlapi_cli', 'image', 'flux/dev', 'A cat']\n"
        "sys.exit(subprocess.run(line, process_group=0).returncode)"
        if sys.version_info >= (3, 11)
        else "import os, subprocess, sys\n"
        "line = [sys.executable, '-m', 'aimlapi_cli', 'image', 'flux/dev', 'A cat']\n"
        "sys.exit(subprocess.run(line, preexec_fn=os.setpgrp).returncode)"
    )
    (tmp_path / "behind.py").write_text(code)
    import fcntl
    import pty
    import termios

    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "behind.py")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**home, "TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(mine, 4096):
            said += piece
    except OSError:
        pass
    os.close(mine)
    assert process.wait(30) == 0 and b"http" in said and b"\x1b[c" not in said
