"""What nbgrader reads when one of its own commands is run in this folder."""

import sys
from pathlib import Path

homework = Path(__file__).resolve().parent
sys.path += [str(homework), str(homework.parent / "code")]

from grader.steps import config  # noqa: E402

get_config().merge(config(homework))  # noqa: F821
