"""The README's examples run, one after the other, in one namespace; its stories have tests of their own."""

from conftest import readme_blocks


def test_examples_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = readme_blocks(stories=False)
    assert len(blocks) >= 3
    names = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README example {number}", "exec"), names)
