#!/usr/bin/env python3
"""Unpacks the members of a wheel that match shell patterns: unpack_wheel.py WHEEL FOLDER PATTERN..."""

import fnmatch
import sys
import zipfile


def unpack(wheel, folder, patterns):
    """Every pattern must match something: a wheel laid out otherwise is noticed here, not by the linker."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        for pattern in patterns:
            wanted = fnmatch.filter(names, pattern)
            if not wanted:
                raise SystemExit(f"{wheel}: holds nothing like {pattern}")
            archive.extractall(folder, wanted)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
