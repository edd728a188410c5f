"""How Sphinx builds the documentation: `make docs` writes it to `site/`, without a network.

The source folder is the root of the repository, so that a link between two documents leads
somewhere in a checkout as well as on the site.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

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
exclude_patterns = [".venv", "runs", "site", "dist", "tests", "docs/inventories", "**/__pycache__"]
smartquotes_action = "D"  # dashes; quotes are those of code
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "plain_docstrings",
    "public_names",
    "shell_commands",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "gallery",
    "alternative_texts",
    "sphinx-mathjax-offline",
]
nitpicky = True
nitpick_ignore = [  # type variables have no page
    ("py:class", "mamba_diffae.fields.defaults.T"),
    ("py:class", "mamba_diffae.registry.Part"),
    ("py:class", "mamba_diffae.training.loop.processes.T"),
]

# Markdown
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# The reference, from the docstrings
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_type_aliases = {
    name.rpartition(".")[2]: f"mamba_diffae.{name}"
    for name in (
        "estimator.asked.Asked",
        "estimator.observed.Seen",
        "estimator.parts.Parts",
        "estimator.training_input.TrainingInput",
        "evaluation.Evaluation",
        "fields.Targets",
        "fields.windows.WindowShape",
        "placement.candidates.Candidates",
        "placement.candidates.Existing",
        "training.settings.Changes",
    )
}
autosummary_generate = False
default_role = "api"
napoleon_attr_annotations = True
napoleon_custom_sections = ["Reference", ("What is withheld together", "params_style")]
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

# What other projects document: plain text, so that the build needs no network
intersphinx_mapping = {
    name: (url, f"docs/inventories/{name}.inv")
    for name, url in {
        "python": "https://docs.python.org/3/",
        "click": "https://click.palletsprojects.com/en/stable/",
        "dask": "https://docs.dask.org/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "pydantic": "https://docs.pydantic.dev/latest/",
        "rich": "https://rich.readthedocs.io/en/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "sklearn": "https://scikit-learn.org/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
        "typer": "https://typer.tiangolo.com/",
        "xarray": "https://docs.xarray.dev/en/stable/",
    }.items()
}

# The gallery: the scripts of examples/, run in seconds each, two at a time
os.environ.setdefault("MAMBA_DIFFAE_EXAMPLES", "gallery")
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "docs/gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"shared\.py$",
    "within_subsection_order": "gallery.order",
    "reset_modules": ("matplotlib", "gallery.reset"),
    "parallel": 2,
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 3600,
    "write_computation_times": False,
}

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


def setup(app: Sphinx) -> None:
    """Say of the extension that ships MathJax what it does not say itself: it only copies files."""
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
