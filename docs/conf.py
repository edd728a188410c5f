"""How Sphinx builds the documentation: `make docs` writes it to `site/`, without a network.

The source folder is the root of the repository, so that a link between two documents leads
somewhere in a checkout as well as on the site.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "mamba-diffae"
author = "The mamba-diffae team"
project_copyright = author
release = version = installed_version("mamba-diffae")

root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "examples/*.md",
    "studies/*/README.md",
    "src/mamba_diffae/models/weights/*/README.md",
    "src/mamba_diffae/sources/data/README.md",
]
exclude_patterns = [".venv", "runs", "site", "dist", "tests", "**/__pycache__"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx-mathjax-offline",
]
nitpicky = True

# Markdown
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# The reference, from the docstrings
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False

# Pages
html_theme = "pydata_sphinx_theme"
html_title = "mamba-diffae"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_static/root"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "mamba-diffae"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
}
