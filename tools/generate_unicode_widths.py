#!/usr/bin/env python3
"""Writes src/base/unicode_widths.inc: the code points that take zero or two terminal columns.

Zero: combining marks (Mn, Me), format characters (Cf) and the Hangul vowels and finals that join the syllable
before them. Two: East Asian Width W and F. This is glibc's rule, which most terminals follow. Data: Python's
unicodedata.

Usage: tools/generate_unicode_widths.py > src/base/unicode_widths.inc
"""

import unicodedata

# Format characters that are drawn: the soft hyphen and the signs that enclose digits.
DRAWN_FORMAT = {0x00AD, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD, *range(0x0600, 0x0606)}
# Planes and blocks kept for ideographs, assigned or not.
IDEOGRAPHS = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFD), (0x30000, 0x3FFFD)]


def width(code_point: int) -> int:
    char = chr(code_point)
    if code_point not in DRAWN_FORMAT and unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    if 0x1160 <= code_point <= 0x11FF or 0xD7B0 <= code_point <= 0xD7FF:
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 2 if any(low <= code_point <= high for low, high in IDEOGRAPHS) else 1


def ranges(wanted: int) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for code_point in range(0xA0, 0x110000):
        if 0xD800 <= code_point <= 0xDFFF or width(code_point) != wanted:
            continue
        if out and out[-1][1] == code_point - 1:
            out[-1] = (out[-1][0], code_point)
        else:
            out.append((code_point, code_point))
    return out


def table(name: str, wanted: int) -> str:
    entries = [f"{{0x{low:X}, 0x{high:X}}}" for low, high in ranges(wanted)]
    lines = [", ".join(entries[i : i + 5]) for i in range(0, len(entries), 5)]
    return f"constexpr CodePointRange {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n"


if __name__ == "__main__":
    print(f"// Unicode {unicodedata.unidata_version}; written by tools/generate_unicode_widths.py.")
    print("// clang-format off")
    print(table("kZeroWidth", 0), end="")
    print(table("kDoubleWidth", 2), end="")
    print("// clang-format on")
