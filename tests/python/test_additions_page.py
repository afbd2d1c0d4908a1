"""The examples of docs/additions.md run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "additions.md").read_text()
SECTIONS = [part.split("\n", 1) for part in PAGE.split("\n## ")[1:]]
EXAMPLES = [
    (title, code)
    for title, text in SECTIONS
    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
]


def test_every_section_has_an_example() -> None:
    assert len(EXAMPLES) == len(SECTIONS) == 7


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_example(title: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "libhandler.so" in code:
        compiler = shutil.which("cc")
        assert compiler is not None, "a C compiler is wanted: install the package gcc (Debian)"
        source = ROOT / "bindings" / "c-examples" / "handler.c"
        command = [
            compiler,
            "-shared",
            "-fPIC",
            "-I",
            ROOT / "include",
            "-o",
            "libhandler.so",
            source,
        ]
        subprocess.run(command, check=True)
    if "dhi" in title:
        pytest.importorskip("dhi")
    program = compile(code, "docs/additions.md", "exec", dont_inherit=True)
    exec(program, {"__name__": "example"})
