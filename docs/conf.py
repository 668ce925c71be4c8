"""Configuration of the Sphinx documentation."""

from importlib.metadata import version as version_of
from pathlib import Path
from pkgutil import iter_modules

ROOT = Path(__file__).parents[1]

project = "skrnn"
author = "the skrnn developers"
copyright = "2026, the skrnn developers"
version = release = version_of("skrnn")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"skrnn {release}"

myst_heading_anchors = 3

# The templates make a page for each name in `__all__` of each public module; the member
# lists of numpydoc are therefore switched off.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_context = {
    "public_modules": [
        name for _, name, _ in iter_modules([ROOT / "skrnn"]) if name[0] != "_"
    ]
}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_validation_checks = {
    "all",
    "ES01",  # an extended summary is optional
    "EX01",  # the example of a class shows its methods
    "GL01",  # the summary is on the line of the opening quotes
    "PR03",  # parameters shared with another method come first, as one entry
    "PR04",  # their types are documented there
    "RT02",  # methods return ``self : object``, as scikit-learn writes it
    "RT03",  # the summary may describe the result
    "SA01",  # See Also is optional
    "SA04",  # so are descriptions in it
}

sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"(^|/)(?!plot_)\w+\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}


def skip_inherited_from_sklearn(app, what, name, obj, skip, options):
    """Skip members inherited from scikit-learn, which documents them."""
    return skip or str(getattr(obj, "__module__", None)).startswith("sklearn.")


def setup(app):
    """Connect the function above."""
    app.connect("autodoc-skip-member", skip_inherited_from_sklearn)
