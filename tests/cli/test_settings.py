"""What follows --set is data: no tag acts, nothing nests without end, and errors stay short."""

import pytest

from mamba_diffae.cli.options import parse_settings
from mamba_diffae.models.presets import build_config
from mamba_diffae.training.loop.config import TrainingConfig

TAGS = ("!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!python/module:os")
UNSUITED = ("!!int ''", "!!float x", "!!bool x", "0x_", "2001-99-01", "!!timestamp 9999-99-99")
LAUGHS = "[&a [x,x,x,x,x,x,x,x]" + "".join(
    f",&{name} [{','.join([f'*{before}'] * 8)}]"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("value", [*TAGS, *UNSUITED, "[" * 3000, "[1, 2", "=", "<<: 1"])
def test_what_is_no_plain_value_is_refused_and_nothing_is_run(value: str) -> None:
    with pytest.raises(ValueError, match=r"^--set .*cannot be read as YAML .*write lists") as told:
        parse_settings([f"model.d_model={value}"])
    assert len(str(told.value)) < 1500


def test_so_it_is_on_the_shell(shell, tmp_path) -> None:
    outcome = shell(f"fit emoji --run {tmp_path / 'run'} --set model.d_model={'[' * 3000}")
    assert outcome.code == 2
    assert "cannot be read as YAML" in outcome.err


def test_lists_that_hold_one_another_are_told_in_short() -> None:
    value = parse_settings([f"autoencoder.steps={LAUGHS}]"])["autoencoder"]["steps"]
    with pytest.raises(ValueError, match="These autoencoder settings do not fit") as told:
        build_config(TrainingConfig, {"steps": value}, "autoencoder")
    assert len(str(told.value)) < 5000
