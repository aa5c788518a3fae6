"""Sphinx configuration."""

from __future__ import annotations

from rolesanywhere_signer import __version__

project = "rolesanywhere-signer"
author = "The rolesanywhere-signer contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
# What the repository's own pages link to from outside docs/.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "rolesanywhere-signer"
