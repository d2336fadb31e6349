"""A page of a PDF as a picture: a script of its own, since a hostile file may crash or eat memory.

``python rendering.py FILE PAGE MEGABYTES`` reads a JSON list of words from stdin, and writes a line
that says how many pages there are, and the page (from 1; 0: none) as a PNG with those words lit up.
It imports nothing of ours, so that it starts at once.
"""

import json
import struct
import sys
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pypdfium2

# Pixels of a page's width and of the whole picture, at most.
_WIDTH, _MOST = 1100, 4_000_000
_LIT = np.array([255, 226, 120], np.uint16)
_WORDS = 60


def limit_memory(megabytes: int) -> None:
    """Let this process claim so much at most, where the system can be told."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        size = megabytes * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def draw(page: Any, words: list[str]) -> bytes:
    """Return a page as a PNG in which the words are lit up."""
    width, height = page.get_size()
    scale = min(_WIDTH / width, (_MOST / (width * height)) ** 0.5)
    bitmap = page.render(scale=scale, rev_byteorder=True, may_draw_forms=False)
    pixels = bitmap.to_numpy()[:, :, :3].copy()
    where = bitmap.get_posconv(page)
    text = page.get_textpage()
    for word in words[:_WORDS]:
        found = text.search(word, match_whole_word=True)
        while (place := found.get_next()) is not None:
            text.count_rects(*place)
            for at in range(text.count_rects(*place)):
                left, bottom, right, top = text.get_rect(at)
                (x0, y0), (x1, y1) = where.to_bitmap(left, top), where.to_bitmap(right, bottom)
                rows = slice(max(0, min(y0, y1) - 2), max(y0, y1) + 3)
                columns = slice(max(0, min(x0, x1) - 2), max(x0, x1) + 3)
                lit = pixels[rows, columns].astype(np.uint16) * _LIT // 255
                pixels[rows, columns] = lit.astype(np.uint8)
    return png(pixels)


def png(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    """Return pixels, (height, width, 3), as a PNG."""
    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each row begins with its filter: none.
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0))).tobytes()
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def main(path: str, number: int, megabytes: int) -> None:
    """Write how many pages a file has, and one of them."""
    words = json.load(sys.stdin)
    limit_memory(megabytes)
    document = pypdfium2.PdfDocument(path)
    sys.stdout.buffer.write(json.dumps(len(document)).encode() + b"\n")
    if 1 <= number <= len(document):
        sys.stdout.buffer.write(draw(document[number - 1], words))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
