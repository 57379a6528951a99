"""The README's examples run, one after the other, in one namespace."""

import re
from pathlib import Path


README = Path(__file__).parents[1] / "README.md"


def test_examples_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    names = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README example {number}", "exec"), names)
