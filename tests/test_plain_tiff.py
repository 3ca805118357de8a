import io
import struct

import numpy as np
import pytest
from PIL import Image

from pcam_core.plain_tiff import plain_tiff

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


def encoded(**options):
    memory = io.BytesIO()
    Image.fromarray(PIXELS).save(memory, format="TIFF", **options)
    return memory.getvalue()


PLAIN = encoded()


def changed(number, value):
    """The plain file with another value in a tag of its directory."""
    start = struct.unpack_from("<I", PLAIN, 4)[0]
    (count,) = struct.unpack_from("<H", PLAIN, start)
    content = bytearray(PLAIN)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, place)[0] == number:
            struct.pack_into("<I", content, place + 8, value)
            return bytes(content)
    raise AssertionError(number)


@pytest.mark.parametrize(
    "content", [PLAIN, encoded(software="x", description="y", dpi=(72, 72))], ids=["bare", "words"]
)
def test_plain_files_are_read(content):
    np.testing.assert_array_equal(plain_tiff(content, 96), PIXELS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        PLAIN[:200],
        PLAIN[:-1] if PLAIN[-1:] != b"\0" else PLAIN[:20_000],
        encoded(compression="tiff_lzw"),
        encoded(save_all=True, append_images=[Image.fromarray(PIXELS)]),
        changed(256, 95),
        changed(259, 5),
        changed(262, 6),
        changed(273, len(PLAIN)),
        changed(277, 4),
        changed(279, 5),
        changed(284, 2),
    ],
)
def test_all_others_are_left_to_a_decoder(content):
    assert plain_tiff(content, 96) is None


def test_what_a_decoder_would_turn_is_left_to_it():
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn
    assert plain_tiff(encoded(exif=exif), 96) is None


def test_no_odd_file_is_plain(odd_tiffs):
    assert {kind: plain_tiff(content, 96) for kind, content in odd_tiffs.items()} == dict.fromkeys(
        odd_tiffs
    )
