"""The path from noise (t = 0) to data (t = 1), and the parameterisation of its velocity."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class PathSample(NamedTuple):
    """One point of the path, all of shape (B, N, C) but `t`, (B,)."""

    x_0: Tensor
    x_1: Tensor
    t: Tensor
    x_t: Tensor
    u_t: Tensor


def linear_path(x_0: Tensor, x_1: Tensor, t: Tensor) -> PathSample:
    """x_t = (1 - t) x_0 + t x_1, whose derivative is u_t = x_1 - x_0 (docs/concepts.md, eq. (22)).

    Args:
        x_0: Noise, shape (B, N, C).
        x_1: Data, same shape.
        t: Time in [0, 1], shape (B,).

    Reference:
        Lipman et al. (2022), Flow matching for generative modeling, arXiv 2210.02747; the path is
        their optimal-transport one with sigma_min = 0.
    """
    s = t.view(-1, *[1] * (x_1.ndim - 1))
    return PathSample(x_0, x_1, t, (1 - s) * x_0 + s * x_1, x_1 - x_0)


class Preconditioning(NamedTuple):
    """velocity = c_skip x_t + c_out F(c_in x_t, ...), so that F has unit-variance input and target.

    With V = (1 - t)² + t² σ² the variance of x_t, c_skip x_t is the best linear estimate of the
    velocity, and c_out the standard deviation of its error. At t = 0 and x_t = 0 the velocity
    σ F is the posterior mean of the data. See docs/concepts.md, eq. (24).

    Reference:
        Karras et al. (2022), arXiv 2206.00364, section 5, carried over from denoising to
        velocities.
    """

    c_skip: Tensor
    c_in: Tensor
    c_out: Tensor

    @classmethod
    def at(cls, t: Tensor, sigma: float | Tensor) -> Preconditioning:
        """The coefficients, each of shape (B, 1, 1), or (B, 1, F).

        Args:
            t: Time, shape (B,).
            sigma: Root mean square of the scaled data, or of each of F coordinates.
        """
        s = t.view(-1, 1, 1)
        V = (1 - s) ** 2 + (s * sigma) ** 2
        return cls((s * sigma**2 - (1 - s)) / V, V.rsqrt(), sigma * V.rsqrt())


def gaussian_velocity(x_t: Tensor, t: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """The velocity, in closed form, if the data were N(mean, spread²) at every point.

    With V = (1 - t)² + t² s², u = ((t s² - (1 - t)) x_t + (1 - t) m) / V. It carries x_0 to
    m + s x_0; at t = 0 and x_t = 0 it is the mean, at t = 1 it is x_t.
    See docs/concepts.md, eq. (25).

    Args:
        x_t: State, shape (B, N, C).
        t: Time, shape (B,).
        mean: m, shape (B, N, C).
        spread: s > 0, shape (B, N, C).
    """
    r = t.view(-1, 1, 1)
    variance = spread.square()
    V = (1 - r) ** 2 + r**2 * variance
    return ((r * variance - (1 - r)) * x_t + (1 - r) * mean) / V
