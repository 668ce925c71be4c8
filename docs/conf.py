"""How the documentation is built."""

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

# The reference has a page for each name in `__all__` of each public module, made by
# the templates; what numpydoc would list itself is therefore off.
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
    "ES01",  # one sentence may say it all
    "EX01",  # the example of a class shows its methods
    "GL01",  # the summary stands on the line of the opening quotes
    "PR03",  # parameters that are those of another method come first, together
    "PR04",  # and have their types there
    "RT02",  # methods return ``self : object``, as scikit-learn writes it
    "RT03",  # the summary may have said what is returned
    "SA01",  # not everything is related to something
    "SA04",  # nor do the names there always need a description
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
    """Leave out `get_params` and its like: scikit-learn documents them."""
    return skip or str(getattr(obj, "__module__", None)).startswith("sklearn.")


def setup(app):
    """Let Sphinx call the function above."""
    app.connect("autodoc-skip-member", skip_inherited_from_sklearn)
