import pytest

from book import mutants

CODE = "def double(x):\n    return 2 * x\n"
TOO_LITTLE = "def test_double():\n    assert double(0) == 0\n"
ENOUGH = "def test_double():\n    assert double(3) == 6\n"
CONFIG = """
[tool.mutmut]
source_paths = ["src/doubled"]
pytest_add_cli_args_test_selection = ["tests"]
"""


def project(tmp_path, test):
    (tmp_path / "code" / "doubled").mkdir(parents=True)
    (tmp_path / "code" / "doubled" / "__init__.py").write_text("")
    (tmp_path / "code" / "doubled" / "core.py").write_text(CODE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(f"from doubled.core import double\n\n\n{test}")
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    return tmp_path


def main(monkeypatch, capsys, root):
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as stop:
        mutants.main()
    return stop.value.code, capsys.readouterr().out


def test_tests_that_notice_pass(tmp_path, monkeypatch, capsys):
    status, out = main(monkeypatch, capsys, project(tmp_path, ENOUGH))
    assert not status
    assert out.splitlines()[-1] == "2 of 2 mutants killed: 100.0%, at least 90% wanted"


def test_what_survives_is_shown_and_too_much_of_it_fails(tmp_path, monkeypatch, capsys):
    status, out = main(monkeypatch, capsys, project(tmp_path, TOO_LITTLE))
    assert status == 1
    assert "-    return 2 * x\n+    return 3 * x" in out
    assert out.splitlines()[-1] == "1 of 2 mutants killed: 50.0%, at least 90% wanted"


def test_tests_that_fail_already_are_no_result(tmp_path, monkeypatch, capsys):
    status, _ = main(monkeypatch, capsys, project(tmp_path, ENOUGH.replace("6", "7")))
    assert status.startswith("mutants: mutmut did not finish")


@pytest.mark.parametrize(
    ("killed", "total", "enough"), [(9, 10, True), (899, 1000, False), (0, 0, False)]
)
def test_nine_in_ten_are_wanted(capsys, killed, total, enough):
    assert mutants.report({"killed": killed, "total": total}, []) is enough
