import pytest

from pcam_core.source_digest import source_digest

TREE = {
    "__init__.py": "",
    "stages/__init__.py": "",
    "stages/one.py": (
        "import numpy\n"
        "import pcam_core.plain\n"
        "from pcam_core.helper import f\n"
        "from pcam_core.sub import leaf\n"
        "def g(x):\n"
        "    from pcam_core.late import h\n"
        "    return h(x) + 1\n"
    ),
    "plain.py": "A = 1\n",
    "helper.py": "from pcam_core.deep.inner import x\n\nclass C:\n    def f(self):\n        pass\n",
    "late.py": "import pcam_core.helper\n\nB = 1\n",
    "deep/__init__.py": "A = 1\n",
    "deep/inner.py": "x = 1\n",
    "deep/page.j2": "<p>\n",
    "sub/__init__.py": "",
    "sub/leaf.py": "A = 1\n",
    "sub/fruit.py": "A = 1\n",
    "unrelated.py": "A = 1\n",
    "other/__init__.py": "",
    "other/page.j2": "<p>\n",
}


@pytest.fixture
def digest_with(tmp_path_factory):
    """Digest of the module one after some files of the package were replaced."""

    def digest(**changes):
        root = tmp_path_factory.mktemp("root")
        for name, text in {**TREE, **changes}.items():
            path = root / "pcam_core" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return source_digest("pcam_core.stages.one", root)

    return digest


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py",
        "stages/__init__.py",
        "stages/one.py",
        "plain.py",
        "helper.py",
        "late.py",
        "deep/__init__.py",
        "deep/inner.py",
        "deep/page.j2",
        "sub/__init__.py",
        "sub/leaf.py",
    ],
)
def test_a_change_of_what_is_imported_counts(digest_with, name):
    assert digest_with(**{name: TREE[name] + "Z = 2\n"}) != digest_with()


@pytest.mark.parametrize("name", ["unrelated.py", "sub/fruit.py", "other/page.j2"])
def test_a_change_of_anything_else_does_not(digest_with, name):
    assert digest_with(**{name: TREE[name] + "Z = 2\n"}) == digest_with()


def test_a_file_that_moves_to_another_name_counts(digest_with):
    moved = {"plain.py": TREE["plain.py"], "sub/leaf.py": "x = 1\n", "deep/inner.py": "A = 1\n"}
    assert digest_with(**moved) != digest_with()


def test_comments_and_layout_do_not_count(digest_with):
    text = TREE["stages/one.py"].replace("    return h(x) + 1", "\n    return (h(x)\n     + 1)")
    assert digest_with(**{"stages/one.py": f"# Why.\n{text}  # So.\n"}) == digest_with()


def documented(text):
    return f'''"""A module, {text}."""

class C:
    """A class, {text}."""

    def f(self):
        """A method, {text}."""
        return "not a docstring"

async def g():
    """A coroutine, {text}."""
'''


def test_words_of_docstrings_do_not_count(digest_with):
    changed = documented("better said")
    assert digest_with(**{"plain.py": changed}) == digest_with(**{"plain.py": documented("here")})
    other = documented("here").replace("not a docstring", "a string")
    assert digest_with(**{"plain.py": other}) != digest_with(**{"plain.py": documented("here")})


def test_a_first_docstring_does_not_count(digest_with):
    bare, told = "def f():\n    return 1\n", '"""M."""\n\ndef f():\n    """F."""\n    return 1\n'
    assert digest_with(**{"plain.py": told}) == digest_with(**{"plain.py": bare})


def test_circular_imports_end(digest_with):
    circular = {"plain.py": "import pcam_core.stages.one\n"}
    assert digest_with(**circular) != digest_with()


def test_the_folder_itself_does_not_count(digest_with):
    assert digest_with() == digest_with()


@pytest.mark.parametrize("module", ["pcam_core.nothing", "numpy", "pcam_core.stages.one.g"])
def test_no_module_of_the_package(module):
    with pytest.raises(ModuleNotFoundError):
        source_digest(module)


def test_stages_have_digests_of_their_own():
    names = ["split", "gate", "labels", "prepare", "compare", "tune", "final"]
    assert len({source_digest(f"pcam_core.stages.{name}") for name in names}) == len(names)
