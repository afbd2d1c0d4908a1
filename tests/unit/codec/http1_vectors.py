#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a table of HTTP/1 messages for a C test: http1_vectors.py FILE.

FILE is a Python program that defines V, a list of (id, title, bytes, expectation). One line each: the
id, the expectation and the bytes in hexadecimal.
"""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    for name, _, message, expected in runpy.run_path(sys.argv[1])["V"]:
        print(name, expected, message.hex())


if __name__ == "__main__":
    main()
