"""``lint`` from outside: what it reads, prints, writes, and how it ends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from istio_observability.cli.lint_cluster import as_source
from istio_observability.cli.lint_files import MAX_BYTES
from istio_observability.cli.main import main
from istio_observability.lint.lint import RULES, lint
from tests.cli.conftest import REPOSITORY

CLEAN = """[[inputs.prom]]
  urls = ["http://exporter.example.com:9100/metrics"]
  source = "exporter"
  interval = "60s"
  election = true
"""
BROKEN = CLEAN.replace('"60s"', "60")
LOOSE = CLEAN.replace("  election = true\n", "")


def run(capsys, *arguments):
    """Run the command; return exit code, standard output and standard error."""
    code: object
    try:
        code = main(["lint", *(str(each) for each in arguments)])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def write(tmp_path):
    """A function that writes a file below a directory of its own."""

    def write_file(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


EXIT_CODES = {
    "clean": (CLEAN, (), 0),
    "an error": (BROKEN, (), 2),
    "a warning does not fail by default": (LOOSE, (), 0),
    "a warning fails if asked for": (LOOSE, ("--fail-on", "warning"), 2),
    "an error never fails if asked for": (BROKEN, ("--fail-on", "never"), 0),
}


@pytest.mark.parametrize(("text", "options", "code"), EXIT_CODES.values(), ids=EXIT_CODES)
def test_exit_code_follows_the_severity(capsys, write, text, options, code):
    """0 answered and clean, 2 answered and not clean."""
    assert run(capsys, write("a.conf", text), *options)[0] == code


def test_text_names_place_rule_and_all_three_parts(capsys, write):
    """A person sees where, what, what happens, what to write."""
    path = write("a.conf", BROKEN)
    _, out, _ = run(capsys, path)

    assert f"{path}:4:14: IOB221 error: TOML" in out
    assert "happens  the agent reads nanoseconds" in out
    assert 'instead  write it as text with a unit, such as "60s"  [--fix]' in out
    assert "1 objects and configurations: 1 error, 1 with a fix." in out


def test_json_has_every_field(capsys, write):
    """Scripts need no parsing of sentences."""
    path = write("a.conf", BROKEN)
    _, out, _ = run(capsys, path, "-o", "json")

    (finding,) = json.loads(out)["findings"]
    assert finding["file"] == str(path)
    assert (finding["line"], finding["column"], finding["rule"]) == (4, 14, "IOB221")
    assert finding["fixable"] is True


def test_sarif_describes_every_rule_and_points_at_the_line(capsys, write):
    """What code scanning needs: version, driver, rules, results with regions."""
    _, out, _ = run(capsys, write("a.conf", BROKEN), "-o", "sarif")

    document = json.loads(out)
    (one,) = document["runs"]
    (result,) = one["results"]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in one["tool"]["driver"]["rules"]] == list(RULES)
    assert one["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "IOB221"
    assert result["level"] == "error"
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 4, "startColumn": 14}


def test_github_gets_one_command_per_finding(capsys, write):
    """Annotations in a pull request; separators in values are escaped."""
    _, out, _ = run(capsys, write("a,b.conf", BROKEN), "-o", "github")

    first = out.split("\n")[0]
    assert first.startswith("::error file=")
    assert "a%2Cb.conf,line=4,col=14,title=IOB221 An interval has no unit::TOML: interval" in first


def test_diff_shows_the_fix_and_writes_nothing(capsys, write):
    """Look first."""
    path = write("a.conf", BROKEN)
    code, out, err = run(capsys, "--diff", "--fix", path)

    assert code == 2
    assert "-  interval = 60" in out
    assert '+  interval = "60s"' in out
    assert "1 fixes in 1 files; nothing is written" in err
    assert path.read_text() == BROKEN


def test_fix_writes_and_judges_what_is_left(capsys, write):
    """Mode, line ends and links of a file stay as they are."""
    path = write("real.conf", BROKEN.replace("\n", "\r\n"))
    path.chmod(0o640)
    link = path.with_name("a.conf")
    link.symlink_to(path)
    code, out, err = run(capsys, "--fix", link)

    assert code == 0
    assert "nothing found" in out
    assert "1 fixes in 1 files" in err
    assert path.read_bytes() == CLEAN.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert link.is_symlink()


def test_kustomization_is_followed(capsys, write):
    """What it lists is looked at, below directories too; what is remote is named and left out."""
    write("base/kustomization.yaml", "resources: [a.yaml]\n")
    write("base/a.yaml", "kind: Service\nmetadata: {name: a\n")
    write("base/not-listed.yaml", "kind: Service\nmetadata: {name: b\n")
    overlay = write(
        "overlay/kustomization.yaml", "resources: [../base, https://example.com/x.yaml]\n"
    ).parent
    code, out, err = run(capsys, overlay)

    assert code == 2
    assert "a.yaml:1:" in out or "a.yaml:2:" in out or "a.yaml:3:" in out
    assert "not-listed" not in out
    assert "is remote and is not looked at" in err


def test_broken_document_does_not_hide_the_next_one(capsys, write):
    """Each document is judged on its own."""
    bad = "kind: A\nx: {\n---\nkind: ConfigMap\ndata:\n  a.conf: |\n"
    indented = "".join(f"    {line}\n" for line in BROKEN.splitlines())
    _, out, _ = run(capsys, write("a.yaml", bad + indented), "-o", "json")

    assert [each["rule"] for each in json.loads(out)["findings"]] == ["IOB001", "IOB221"]


def test_document_of_the_operator_is_clean(capsys, tmp_path, mesh_file, manifests):
    """What ``render`` prints has no finding, and neither has the resource that it came from."""
    main(["render", "-f", str(mesh_file), "--from", str(REPOSITORY / "dev" / "recorded")])
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(capsys.readouterr().out)
    code, out, _ = run(capsys, rendered, mesh_file, manifests, "--fail-on", "info")

    assert rendered.stat().st_size > 1000
    assert (code, out.count("\n")) == (0, 1), out


BAD_INPUT = {
    "a binary file": (b"\x7fELF\0\0\0", "is binary; give text in UTF-8"),
    "text in another encoding": ("größe".encode("latin-1"), "is no text in UTF-8"),
}


@pytest.mark.parametrize(("content", "said"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_unreadable_file_is_one_sentence_and_exit_code_1(capsys, write, content, said):
    """No traceback; what could be read is reported all the same."""
    good = write("good.conf", BROKEN)
    code, out, err = run(capsys, write("bad.yaml", content), good)

    assert code == 1
    assert said in err
    assert err.count("\n") == 1
    assert "IOB221" in out


def test_missing_file_empty_directory_and_no_permission(capsys, tmp_path, write):
    """Three ways to name nothing."""
    closed = write("closed.yaml", CLEAN)
    closed.chmod(0)
    (tmp_path / "empty").mkdir()

    assert "does not exist" in run(capsys, tmp_path / "no.yaml")[2]
    assert "holds no manifests" in run(capsys, tmp_path / "empty")[2]
    if os.geteuid() != 0:
        assert "may not be read" in run(capsys, closed)[2]
    assert run(capsys, tmp_path / "no.yaml", tmp_path / "empty")[0] == 1


def test_endless_stream_and_huge_file_are_refused_within_bounds(capsys, tmp_path):
    """A device is read up to the limit, a large file not at all."""
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as stream:
        stream.truncate(1024**3)
    code, _, err = run(capsys, huge, "/dev/zero")

    assert code == 1
    assert f"huge.yaml: is larger than {MAX_BYTES // 1024**2} MiB" in err
    assert "/dev/zero: is binary" in err


@pytest.mark.timeout(60)
def test_endless_text_on_standard_input_ends():
    """A pipe that never ends is cut off with a sentence."""
    script = (
        "import sys\nfrom istio_observability.cli.main import main\nsys.exit(main(['lint', '-']))"
    )
    endless = subprocess.Popen(["yes", "a: b"], stdout=subprocess.PIPE)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", script],
            stdin=endless.stdout,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    finally:
        endless.kill()
        endless.communicate()

    assert ended.returncode == 1
    assert ended.stderr.startswith("error: standard input: is larger than")


@pytest.mark.timeout(60)
def test_long_line_within_the_limit_is_judged(capsys, write):
    """Megabytes without a line end cost time, not an error."""
    code, out, _ = run(capsys, write("a.yaml", "a: " + "x" * 8_000_000))

    assert code == 0
    assert "nothing found" in out


USAGE = {
    "nothing named": ((), "name files or directories, or give --cluster"),
    "both named": (("a.yaml", "--cluster"), "one of the two"),
    "a live object fixed": (("--cluster", "--fix"), "what is live cannot be fixed from here"),
    "an unknown output": (("a.yaml", "-o", "xml"), "invalid choice"),
}


@pytest.mark.parametrize(("arguments", "said"), USAGE.values(), ids=USAGE)
def test_usage_error_is_one_sentence_and_exit_code_1(capsys, arguments, said):
    """Wrong words on the command line."""
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (1, "")
    assert said in err


def test_live_object_is_judged_as_its_yaml():
    """Findings name the object and the line of its YAML; a live one has no fix."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "datakit-conf",
            "namespace": "datakit",
            "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": BROKEN},
        },
        "data": {"a.conf": BROKEN},
    }
    file = as_source(body)
    (finding,) = lint([file]).findings

    assert finding.rule.id == "IOB221"
    assert finding.place.file == "cluster/ConfigMap/datakit/datakit-conf.yaml"
    assert file.text.split("\n")[finding.place.line - 1].strip() == "interval = 60"
    assert not finding.problem.edits
    assert "managedFields" not in file.text
    assert "last-applied" not in file.text
