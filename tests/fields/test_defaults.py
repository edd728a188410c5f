"""Foreign defaults of torch and NumPy change nothing, and are there again afterwards."""

import numpy as np
import pytest
import torch

from mamba_diffae.fields import own_defaults, under_own_defaults


@pytest.fixture
def changed():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    former = np.seterr(all="raise")
    yield
    np.seterr(**former)
    torch.set_grad_enabled(True)
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def current() -> tuple[object, ...]:
    made = torch.ones(1)
    return made.dtype, made.device.type, torch.is_grad_enabled(), np.geterr()["over"]


def test_what_was_set_before_does_not_count(changed) -> None:
    foreign = current()
    assert foreign == (torch.float64, "meta", False, "raise")
    with own_defaults():
        assert current() == (torch.float32, "cpu", True, "warn")
    assert current() == foreign


def test_automatic_casts_are_off() -> None:
    a = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with own_defaults():
            assert (a @ a).dtype == torch.float32


def test_an_error_puts_them_back(changed) -> None:
    with pytest.raises(ValueError, match="wrong"), own_defaults():
        raise ValueError("wrong")
    assert current() == (torch.float64, "meta", False, "raise")


@under_own_defaults
class Method:
    """With methods of each kind."""

    def predict(self) -> tuple[object, ...]:
        """See `current`."""
        return current()

    @classmethod
    def read(cls) -> tuple[object, ...]:
        """See `current`."""
        return current()

    @property
    def words(self) -> str:
        """No method."""
        return "as they are"


def test_public_methods_of_a_class_run_under_them(changed) -> None:
    assert Method().predict() == Method.read() == (torch.float32, "cpu", True, "warn")
    assert Method().words == "as they are"
    assert Method.predict.__doc__ == "See `current`."
