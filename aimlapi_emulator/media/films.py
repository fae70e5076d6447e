"""MP4 videos of a prompt: H.264 without compression (I_PCM), so that no encoder is needed and every player shows it.

Sources: ITU-T H.264 (7.3: syntax; macroblock type I_PCM), ISO/IEC 14496-12 and -15 (boxes, `avcC`)
"""

from __future__ import annotations

import functools
import hashlib
import struct

WIDTH = HEIGHT = 64  # pixels, whole macroblocks of 16
FRAMES_A_SECOND = 4
_MOST_SECONDS = 10  # of what is really in the file
_TICKS = 1000  # a second


@functools.lru_cache(maxsize=32)
def film(text: str, seconds: float) -> bytes:
    """A video; the same for the same text. It fades from one colour of the text to another."""
    count = max(1, round(min(seconds, _MOST_SECONDS) * FRAMES_A_SECOND))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).digest()
    frames = [
        _frame(tuple((digest[i] * (count - n) + digest[i + 3] * n) // count for i in range(3)), n) for n in range(count)
    ]
    return _mp4(frames)


class _Bits:
    """Bits of a NAL unit, written one after the other."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, value: int, width: int) -> None:
        self._bits.append(format(value, f"0{width}b"))

    def ue(self, value: int) -> None:
        """Exp-Golomb."""
        coded = format(value + 1, "b")
        self._bits.append("0" * (len(coded) - 1) + coded)

    def align(self) -> None:
        self._bits = ["".join(self._bits)]
        self._bits.append("0" * (-len(self._bits[0]) % 8))

    def bytes(self, *, stop: bool) -> bytes:
        bits = "".join(self._bits) + ("1" if stop else "")
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _nal(kind: int, payload: bytes) -> bytes:
    """A NAL unit, with the byte that keeps its payload from looking like the start of another."""
    escaped = bytearray()
    zeros = 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes((0x60 | kind,)) + bytes(escaped)


def _sequence_parameters() -> bytes:
    bits = _Bits()
    bits.u(66, 8)  # Baseline
    bits.u(0, 8)
    bits.u(11, 8)  # level 1.1
    for value in (0, 0, 2, 1):  # id, log2_max_frame_num - 4, picture order by decoding, one reference frame
        bits.ue(value)
    bits.u(0, 1)
    bits.ue(WIDTH // 16 - 1)
    bits.ue(HEIGHT // 16 - 1)
    bits.u(0b1100, 4)  # whole frames, direct inference, no cropping, no more
    return _nal(7, bits.bytes(stop=True))


def _picture_parameters() -> bytes:
    bits = _Bits()
    bits.ue(0)
    bits.ue(0)
    bits.u(0, 2)
    for value in (0, 0, 0):
        bits.ue(value)
    bits.u(0, 3)
    for value in (0, 0, 0):  # quantizers: se(0) is ue(0)
        bits.ue(value)
    bits.u(0, 3)
    return _nal(8, bits.bytes(stop=True))


def _frame(colour: tuple[int, ...], number: int) -> bytes:
    """One picture of one colour (Y, Cb, Cr), each an IDR."""
    bits = _Bits()
    for value in (0, 7, 0):  # first macroblock, all are I, parameters
        bits.ue(value)
    bits.u(0, 4)  # frame_num of an IDR
    bits.ue(number % 2)  # idr_pic_id: two after each other differ
    bits.u(0, 2)
    bits.ue(0)  # slice_qp_delta
    luma, blue, red = (max(16, min(value, 235)) for value in colour)
    samples = bytes((luma,)) * 256 + bytes((blue,)) * 64 + bytes((red,)) * 64
    data = bytearray()
    for macroblock in range(WIDTH // 16 * HEIGHT // 16):
        if macroblock:
            bits = _Bits()
        bits.ue(25)  # I_PCM
        bits.align()
        data += bits.bytes(stop=False) + samples
    return _nal(5, bytes(data) + b"\x80")


def _mp4(frames: list[bytes]) -> bytes:
    sps, pps = _sequence_parameters(), _picture_parameters()
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    ftyp = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    mdat = _box(b"mdat", *samples)
    return ftyp + mdat + _moov(samples, len(ftyp) + 8, sps, pps)


def _moov(samples: list[bytes], start: int, sps: bytes, pps: bytes) -> bytes:
    each = _TICKS // FRAMES_A_SECOND
    duration = each * len(samples)
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = _full(
        b"mvhd", struct.pack(">4IIH10x", 0, 0, _TICKS, duration, 0x10000, 0x100), matrix, bytes(24), b"\0\0\0\2"
    )
    tkhd = _full(
        b"tkhd",
        struct.pack(">5I8x4H", 0, 0, 1, 0, duration, 0, 0, 0, 0),
        matrix,
        struct.pack(">2I", WIDTH << 16, HEIGHT << 16),
        flags=3,
    )
    mdhd = _full(b"mdhd", struct.pack(">4I2H", 0, 0, _TICKS, duration, 0x55C4, 0))
    hdlr = _full(b"hdlr", bytes(4), b"vide", bytes(12), b"video\0")
    dinf = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    avcc = _box(
        b"avcC",
        bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1)),
        struct.pack(">H", len(sps)),
        sps,
        b"\x01",
        struct.pack(">H", len(pps)),
        pps,
    )
    entry = _box(
        b"avc1",
        struct.pack(">6xH16x2H2I4xH32xHh", 1, WIDTH, HEIGHT, 0x480000, 0x480000, 1, 24, -1),
        avcc,
    )
    stbl = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">3I", 1, len(samples), each)),
        _full(b"stsc", struct.pack(">4I", 1, 1, len(samples), 1)),
        _full(b"stsz", struct.pack(">2I", 0, len(samples)), *(struct.pack(">I", len(sample)) for sample in samples)),
        _full(b"stco", struct.pack(">2I", 1, start)),
    )
    minf = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), dinf, stbl)
    mdia = _box(b"mdia", mdhd, hdlr, minf)
    return _box(b"moov", mvhd, _box(b"trak", tkhd, mdia))


def _box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", len(data) + 8) + kind + data


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)
