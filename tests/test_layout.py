"""
The house stays as it was built: packages, names, sizes, and nothing of a developer's machine in it.

Rules that ruff, mypy and the import contracts already check are not repeated here, except that the
contracts hold at all.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "operator" / "istio_observability"
MAX_LINES = 300
PACKAGES = {"model", "datakit", "istio", "plan", "lint", "preview", "kube", "control", "cli"}

# Put together here, so that this file does not contain what it looks for.
REGISTRY_HOSTS = re.compile(
    r"(?<![a-z])(?:files\.|proxy\.|registry\.|sum\.|static\.)?"
    r"(?:"
    + "|".join(["py" + "pi", "python" + "hosted", "go" + "lang", "npm" + "js", "ma" + "ven"])
    + r")"
    r"\.(?:org|com|io)\b"
)
HOME_PATHS = re.compile(r"(?<![\w.$}/-])/(?:home|root|work|Users)/\w")
# Import paths of Go modules look like host names and are none.
HASHED_BY_OTHERS = {".sum", ".mod"}


def repository_files() -> list[Path]:
    """Return every file that is tracked, or would be if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [path for name in sorted(set(listed)) if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return path and text of every file of the repository; skips what is not a Git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a Git checkout, so there is no list of the repository's files")
    found = {}
    for path in repository_files():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def modules() -> list[Path]:
    """Return every module of the operator."""
    return sorted(PACKAGE.rglob("*.py"))


def test_source_root_does_not_shadow_the_standard_library():
    """From the checkout's root, ``import operator`` is the standard module."""
    assert not (ROOT / "operator" / "__init__.py").exists()

    answer = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.itemgetter(1)('ab'))"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert (answer.stdout, answer.stderr) == ("b\n", "")


def test_no_module_is_named_like_a_standard_one():
    """No module can be taken for one of the standard library, whatever is first on the path."""
    taken = [path.name for path in modules() if path.stem in sys.stdlib_module_names]

    assert taken == []


def test_every_package_of_the_design_exists_and_no_other():
    """The packages are those that CONTRIBUTING.md draws, each with its promise in a docstring."""
    found = {path.parent.name: path for path in PACKAGE.glob("*/__init__.py")}

    assert set(found) == PACKAGES
    assert [name for name, path in found.items() if not ast.get_docstring(parsed(path))] == []


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of one module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_modules_stay_small():
    """A module past 300 lines is split by concern."""
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules()
    }

    assert {name: lines for name, lines in sizes.items() if lines > MAX_LINES} == {}


def test_only_the_command_line_prints():
    """What the operator says goes to status, events, metrics and the log, never to stdout."""
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        if path.relative_to(PACKAGE).parts[0] != "cli"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert printing == []


def test_every_test_says_in_one_sentence_what_it_shows():
    """Each test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_package_registry_is_named(texts):
    """Which registry packages come from is the reader's setting, not ours."""
    named = [
        f"{name}: {hit.group()}"
        for name, text in texts.items()
        if Path(name).suffix not in HASHED_BY_OTHERS
        and (hit := REGISTRY_HOSTS.search(text.replace("pkg.go.dev", "")))
    ]

    assert named == []


def test_nothing_names_a_folder_of_one_machine(texts):
    """The repository stands alone: no absolute path of somebody's machine is in it."""
    named = [
        f"{name}: {hit.group()}" for name, text in texts.items() if (hit := HOME_PATHS.search(text))
    ]

    assert named == []


def test_import_contracts_hold():
    """Every contract of pyproject.toml is kept by the code as it stands."""
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as m; m()",
            "--no-cache",
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 0, answer.stdout
    assert "0 broken" in answer.stdout


def test_links_between_documents_lead_somewhere(texts):
    """Every relative link of a Markdown file names a file of the repository."""
    dead = [
        f"{name}: {target}"
        for name, text in texts.items()
        if name.endswith(".md")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]

    assert dead == []
