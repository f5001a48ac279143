from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_pre_commit_uses_the_versions_that_make_check_uses():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    wanted = {pin for hook in hooks for pin in hook["additional_dependencies"]}
    locks = "".join((ROOT / f"requirements{kind}.txt").read_text() for kind in ("", "-test"))
    assert {pin.split("==")[0] for pin in wanted} == {"nbstripout", "ruff", "codespell"}
    assert wanted <= set(locks.splitlines())
