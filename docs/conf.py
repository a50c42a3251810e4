"""Sphinx: `make docs` builds these pages, and every warning is an error."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from command_reference import write_commands  # noqa: E402

project = "mdJPT Live"
author = "the mdJPT Live authors"
release = importlib.metadata.version("mdjpt-live")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["**/README.rst"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = project
html_logo = "../assets/icon.svg"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_show_copyright = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
    "first_notebook_cell": None,
}
suppress_warnings = ["config.cache"]


def _write_made_pages(_app: object) -> None:
    """Copy the tables of measurements and the changes, and write the reference of commands."""
    measured = HERE / "measured"
    shutil.rmtree(measured, ignore_errors=True)
    measured.mkdir()
    for table in (HERE.parent / "assets").glob("*.md"):
        shutil.copy(table, measured)
    changes = (HERE.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    (HERE / "changes.md").write_text(changes.replace("](assets/", "](measured/"), encoding="utf-8")
    (HERE / "reference" / "commands.md").write_text(write_commands(), encoding="utf-8")


def setup(app: object) -> None:
    """Make pages before the sources are read."""
    app.connect("builder-inited", _write_made_pages)  # type: ignore[attr-defined]
