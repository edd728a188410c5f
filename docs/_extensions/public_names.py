"""Sphinx extension: the public names of the package, reached by every path that they have.

- A name that several packages export has one description; the other paths are aliases of it.
- A single pair of backticks in a docstring, and inline code on a page, links to the name it holds;
  where that is no public name it stays code.
- Imports under `TYPE_CHECKING` are made, so that annotations can be evaluated.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from typing import Any, get_type_hints

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode

ROOT = "mamba_diffae"
PACKAGES = (
    "fields",
    "fields.cf",
    "sources",
    "priors",
    "models",
    "models.encoders",
    "models.decoders",
    "models.codes",
    "latent",
    "placement",
    "estimator",
    "evaluation",
    "evaluation.baselines",
    "benchmark",
    "benchmark.verification",
    "report",
    "testing",
    "scan",
    "flow",
    "training",
    "training.objectives",
    "registry",
)
"""Those whose `__all__` the reference lists, in the order in which a short name is looked for."""
MOVED = {
    "numpy.random._generator.Generator": "numpy.random.Generator",
    "torch.nn.modules.module.Module": "torch.nn.Module",
    "torch.optim.optimizer.Optimizer": "torch.optim.Optimizer",
    "xarray.core.dataarray.DataArray": "xarray.DataArray",
    "xarray.core.dataset.Dataset": "xarray.Dataset",
    "np.ndarray": "numpy.ndarray",
    "DataArray": "xarray.DataArray",
    "DataFrame": "pandas.DataFrame",
    "Dataset": "xarray.Dataset",
    "Path": "pathlib.Path",
}
"""Classes by where they are defined or how they are imported, and as they are documented."""
_NAME = re.compile(r"(?:mda\.|mamba_diffae\.)?([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)(?:\(\))?")
_IN_PAGES = re.compile(r"mda\.|mamba_diffae\.|[A-Z]\w*[a-z]|\w+\(\)$|[a-z]+_\w+$")
"""Inline code of a page that may be a name; a plain word like `sample` may be a command."""


def import_for_annotations(app: Sphinx) -> None:
    """Import every public name, and what their modules import for type checkers alone."""
    for package in PACKAGES:
        module = importlib.import_module(f"{ROOT}.{package}")
        for name in getattr(module, "__all__", ()):
            getattr(module, name)
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{ROOT}.") and getattr(module, "__file__", None):
            _make_guarded_imports(module)
    for module in [m for name, m in sys.modules.items() if name.startswith(f"{ROOT}.")]:
        for part in vars(module).values():
            if inspect.isclass(part) and issubclass(part, tuple) and hasattr(part, "_fields"):
                # Python makes this function where the names of the module are not known.
                part.__new__.__annotations__ = get_type_hints(part)


def _make_guarded_imports(module: Any) -> None:
    try:
        tree = ast.parse(inspect.getsource(module))
    except OSError:  # an empty file
        return
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            code = compile(ast.Module(node.body, []), str(module.__file__), "exec")
            exec(code, module.__dict__)


def add_aliases(app: Sphinx, env: BuildEnvironment) -> None:
    """Let every path of a public name lead to its one description."""
    objects = env.domains.python_domain.objects
    described = {name for name, entry in objects.items() if not entry.aliased}
    for paths in _paths():
        found = next((path for path in paths if path in described), None)
        if found is None:
            continue
        members = [n for n in described if n == found or n.startswith(f"{found}.")]
        for path in paths:
            for member in members:
                alias = path + member.removeprefix(found)
                if alias not in described:
                    objects[alias] = objects[member]._replace(aliased=True)


def _paths() -> list[list[str]]:
    """All paths of each public name, the shortest first."""
    paths: dict[int, list[str]] = {}
    for package in (ROOT, *(f"{ROOT}.{package}" for package in PACKAGES)):
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            part = getattr(module, name)
            if inspect.isclass(part) or inspect.isroutine(part):
                known = paths.setdefault(id(part), [f"{part.__module__}.{part.__qualname__}"])
                known.append(f"{package}.{name}")
    return [sorted(set(known), key=len) for known in paths.values()]


def api_role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Any,
    options: Any = None,
    content: Any = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """The default role of docstrings: code, with a link where it is the name of something."""
    env = inliner.document.settings.env
    shown = nodes.literal(rawtext, text, classes=["xref", "py", "py-obj"])
    return [_reference(shown, env, env.current_document.docname)], []


def _reference(shown: nodes.literal, env: BuildEnvironment, docname: str) -> nodes.Node:
    match = _NAME.fullmatch(shown.astext())
    if match is None or shown.astext() in PACKAGES:  # "the extra `fields`" is no module
        return shown
    where = {key: env.ref_context.get(key) for key in ("py:module", "py:class")}
    target = {"refdomain": "py", "reftype": "obj", "reftarget": match[1], "refdoc": docname}
    return pending_xref("", shown, optional=True, refexplicit=False, **target, **where)


class LinkedCode(SphinxTransform):
    """Inline code of Markdown pages that holds a public name becomes a link."""

    default_priority = 450

    def apply(self, **kwargs: Any) -> None:
        """Replace what may be a name."""
        for shown in list(self.document.findall(nodes.literal)):
            inside = isinstance(shown.parent, (pending_xref, nodes.reference, nodes.title))
            if not inside and not shown["classes"] and _IN_PAGES.match(shown.astext()):
                shown.replace_self(_reference(shown.deepcopy(), self.env, self.env.docname))


def resolve_short(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """A public name without its package; else, where a link is optional, plain code."""
    if not node.get("optional"):
        node["reftarget"] = MOVED.get(node["reftarget"], node["reftarget"])
        return None  # intersphinx comes after this
    target, objects = node["reftarget"], env.domains.python_domain.objects
    packages = PACKAGES if re.search(r"[A-Z_.]", target) else ()
    for path in (f"{ROOT}.{target}", *(f"{ROOT}.{package}.{target}" for package in packages)):
        if path in objects:
            entry = objects[path]
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, path
            )
    return contnode


def skip_generated(
    app: Sphinx, what: str, name: str, part: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what Python writes itself: the fields of a named tuple, pydantic's settings."""
    doc = inspect.getdoc(part) or ""
    return True if doc.startswith("Alias for field number") or name == "model_config" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of it."""
    app.add_role("api", api_role)
    app.add_transform(LinkedCode)
    app.connect("builder-inited", import_for_annotations)
    app.connect("env-updated", add_aliases)
    app.connect("missing-reference", resolve_short, priority=400)
    app.connect("autodoc-skip-member", skip_generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
