import io
import struct
import threading
import time
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcam_core.patches import PatchError, in_parallel, read_patch

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


def encoded(image, **options):
    memory = io.BytesIO()
    image.save(memory, **{"format": "TIFF", **options})
    return memory.getvalue()


RGB = Image.fromarray(PIXELS)
PLAIN, PACKED = encoded(RGB), encoded(RGB, compression="tiff_lzw")


@pytest.fixture(scope="module")
def decode(tmp_path_factory):
    path = tmp_path_factory.mktemp("patches") / "patch.tif"

    def run(content):
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about metadata
            return read_patch(path)

    return run


@pytest.mark.parametrize("content", [PLAIN, PACKED])
def test_decodes_losslessly(decode, content):
    pixels = decode(content)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, PIXELS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (encoded(RGB, format="PNG"), "not a TIFF image"),
        (encoded(RGB.resize((96, 97))), "96x97 pixels, not 96x96"),
        (encoded(RGB.convert("1")), "black and white, not RGB"),
        (encoded(RGB.convert("P")), "of a palette, not RGB"),
        (PACKED[:20_000], "cut off or damaged"),
    ],
)
def test_the_reason_is_told(decode, content, reason):
    with pytest.raises(ValueError, match=reason):
        decode(content)


def png(width, height, bits, pixels):
    """An RGB PNG whose header may promise what it likes."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    body = zlib.compress(pixels)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (PLAIN, "not a PNG image"),
        (encoded(RGB, format="PNG")[:30], "a PNG that is cut off or damaged"),
        (encoded(RGB, format="PNG")[:20_000], "cannot be decoded: image file is truncated"),
        (encoded(RGB.convert("L"), format="PNG"), "grey-scale, not RGB"),
        (encoded(RGB.convert("RGBA"), format="PNG"), "RGBA, not RGB"),
        (encoded(RGB, format="PNG", save_all=True, append_images=[RGB.rotate(9)]), "several pages"),
        (png(96, 96, 16, bytes(96 * (1 + 96 * 6))), "3 channels of 16 bits, not 3 of 8"),
        (png(60_000, 60_000, 8, b""), "far more than 96x96 pixels"),
    ],
)
def test_a_png_is_held_to_the_same(content, reason):
    with pytest.raises(PatchError, match=f"^{reason}") as error:
        read_patch(io.BytesIO(content), "PNG")
    assert "0x" not in str(error.value)


def test_a_png_is_decoded_losslessly():
    found = read_patch(io.BytesIO(encoded(RGB, format="PNG")), "PNG")
    np.testing.assert_array_equal(found, PIXELS)


def test_a_bomb_is_refused_by_its_header(decode, odd_tiffs):
    start = time.monotonic()
    with pytest.raises(ValueError, match="far more than 96x96 pixels"):
        decode(odd_tiffs["bomb"])
    assert time.monotonic() - start < 2


@settings(max_examples=60, deadline=None)
@given(content=st.sampled_from([PLAIN, PACKED]), length=st.integers(0, 40_000))
def test_a_truncated_file_is_refused_or_whole(decode, content, length):
    try:
        pixels = decode(content[:length])
    except ValueError:
        assert length < len(content)
    else:
        np.testing.assert_array_equal(pixels, PIXELS)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_damaged_header_is_refused_or_gives_a_patch(decode, data):
    content = bytearray(PLAIN)
    start = struct.unpack_from("<I", content, 4)[0]
    # The directory of tags and the file's first bytes are where damage tells.
    places = st.integers(0, 7) | st.integers(start, min(start + 200, len(content) - 1))
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(content))
    except ValueError:
        return
    assert (pixels.shape, pixels.dtype) == ((96, 96, 3), np.uint8)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 20), chunk=st.integers(1, 7))
def test_parallel_work_keeps_the_order(count, chunk):
    assert list(in_parallel(lambda n: n * n, range(count), chunk)) == [n * n for n in range(count)]


def test_parallel_work_stays_two_chunks_ahead():
    started, lock = [], threading.Lock()

    def work(number):
        with lock:
            started.append(number)
        return number

    for number in in_parallel(work, range(100), 5):
        with lock:
            assert max(started) < number + 2 * 5 + 5


def test_an_error_reaches_the_reader():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda n: 1 // (n - 7), range(20), 4))
