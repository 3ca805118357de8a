"""A digest of the code that a module runs, found without importing it."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

PACKAGE = "pcam_core"


@cache
def source_digest(module: str, root: Path | None = None) -> str:
    """Return a hex sha256 over `module` and every module of the package that it imports.

    Imports are read from the syntax tree, those inside functions included, and followed to
    the end. Comments, docstrings and layout do not count. Data files (templates, style
    sheets) that lie in the folder of an imported sub-package do.

    Args:
        module: Dotted name, as "pcam_core.stages.split".
        root: Folder that holds the package; the installed one by default.

    Raises:
        ModuleNotFoundError: `module` is not part of the package.
    """
    root = root or Path(str(files(PACKAGE))).parent
    digest = hashlib.sha256()
    for name in sorted(_closure(module, root)):
        path = _file(name, root)
        assert path is not None
        digest.update(f"{name}\n{_bare(path)}\n".encode())
        for data in _data_files(path, root):
            digest.update(f"{data.relative_to(root)}\n".encode() + data.read_bytes())
    return digest.hexdigest()


def _closure(module: str, root: Path) -> set[str]:
    if _file(module, root) is None:
        raise ModuleNotFoundError(f"{module} is not a module of {PACKAGE}", name=module)
    found: set[str] = set()
    waiting = list(_with_parents(module))
    while waiting:
        name = waiting.pop()
        path = _file(name, root)
        if path is None or name in found:
            continue
        found.add(name)
        waiting.extend(_imports(ast.parse(path.read_text())))
    return found


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # What is imported from a package may be a module of its own.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] == PACKAGE:
                yield from _with_parents(name)


def _with_parents(module: str) -> Iterator[str]:
    # Importing a module runs every package above it too.
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _file(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _bare(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _data_files(module_file: Path, root: Path) -> Iterator[Path]:
    if module_file.name == "__init__.py" and module_file.parent != root / PACKAGE:
        for path in sorted(module_file.parent.iterdir()):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                yield path
