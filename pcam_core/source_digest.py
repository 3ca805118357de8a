"""A digest of the code that a module runs, found without importing it."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
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
    for name, source in sorted(_closure(module, root).items()):
        digest.update(f"{name}\n{source.code}\n".encode())
        for data in source.data:
            digest.update(f"{data.relative_to(root)}\n".encode() + data.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Source:
    """What counts of a module.

    Attributes:
        code: Its code without comments, docstrings and layout.
        imports: Names that may be modules of the package.
        data: Files beside it that are no code.
    """

    code: str
    imports: frozenset[str]
    data: tuple[Path, ...]


def _closure(module: str, root: Path) -> dict[str, _Source]:
    if _source(module, root) is None:
        raise ModuleNotFoundError(f"{module} is not a module of {PACKAGE}", name=module)
    found: dict[str, _Source] = {}
    waiting = list(_with_parents(module))
    while waiting:
        name = waiting.pop()
        source = _source(name, root)
        if source is not None and name not in found:
            found[name] = source
            waiting.extend(source.imports)
    return found


@cache  # most stages run most modules
def _source(module: str, root: Path) -> _Source | None:
    path = _file(module, root)
    if path is None:
        return None
    tree = ast.parse(path.read_text())
    imports = frozenset(_imports(tree))
    return _Source(code=_bare(tree), imports=imports, data=tuple(_data_files(path, root)))


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


def _bare(tree: ast.AST) -> str:
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
