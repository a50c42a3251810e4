"""What the window remembers: it comes back as it was, and no file stops the program."""

from __future__ import annotations

import pytest

from app.settings import Settings


def test_what_is_put_comes_back_tomorrow(tmp_path):
    path = tmp_path / "new" / "window.toml"
    kept = Settings(path)
    kept.put("view", "span", 120.0)
    kept.put("electrode names", 'lsl:Cap "é" 😀:dev\n1', "Fp1, Fp2")
    kept.put("window", "dark", value=False)
    kept.push("sources", "recent", "sim:", at_most=2)
    kept.push("sources", "recent", "lsl:a", at_most=2)
    kept.push("sources", "recent", "sim:", at_most=2)
    again = Settings(path)
    assert again.get("view", "span", 60.0) == 120.0
    assert again.get("electrode names", 'lsl:Cap "é" 😀:dev\n1', "") == "Fp1, Fp2"
    assert again.get("window", "dark", default=True) is False
    assert again.get("sources", "recent", [""]) == ["sim:", "lsl:a"]


@pytest.mark.parametrize("content", ["[view\nspan =", 'view = "x"', "[view]\nspan = 'long'", "\0"])
def test_a_file_that_somebody_spoiled_is_begun_anew(tmp_path, content):
    path = tmp_path / "window.toml"
    path.write_text(content)
    kept = Settings(path)
    assert kept.get("view", "span", 60.0) == 60.0
    kept.put("view", "span", 90.0)
    assert Settings(path).get("view", "span", 60.0) == 90.0


def test_where_nothing_can_be_written_it_is_remembered_until_the_end(tmp_path):
    (tmp_path / "file").touch()
    kept = Settings(tmp_path / "file" / "window.toml")
    kept.put("view", "span", 90.0)
    assert kept.get("view", "span", 60.0) == 90.0
