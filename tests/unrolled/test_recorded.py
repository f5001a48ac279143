import pytest

from unrolled import recorded


@pytest.mark.parametrize("path", recorded.FOLDER.glob("*.json"), ids=lambda path: path.stem)
def test_a_record_says_when_on_what_and_with_which_versions(path):
    record = recorded.load(path.stem)
    for part in [record] if "date" in record else record.values():
        assert {"date", "device", "versions", "recipe"} <= part.keys()


def test_an_unknown_record_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"nothing is recorded as 'lags'; there are: .*\blag\b"):
        recorded.load("lags")
