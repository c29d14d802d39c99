"""Sphinx builds the docs from the Markdown files beside this one: `make docs`."""

from importlib import metadata

project = "Groupwise"
author = "The Groupwise developers"
release = metadata.version("groupwise")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
# Relative links to files of the repository that are no pages stay as they are.
suppress_warnings = ["myst.xref_missing"]
exclude_patterns = ["_build"]
napoleon_google_docstring = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"Groupwise {release}"
html_copy_source = False
html_show_sphinx = False


def escape_shapes(app, what, name, obj, options, lines):
    """A shape such as (n, *points) is no emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app):
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=1)
