"""Flow matching: the path, the noise function, the solvers. Mathematics only, no networks."""

from mamba_diffae.flow.correlation import fit_noise_law, octaves
from mamba_diffae.flow.noise import (
    NoiseLaw,
    coloured_noise,
    field_keys,
    fold,
    noise,
    normals,
    uniform,
)
from mamba_diffae.flow.path import PathSample, Preconditioning, gaussian_velocity, linear_path
from mamba_diffae.flow.solver import SOLVERS, Solution, Solver, solve

__all__ = [
    "SOLVERS",
    "NoiseLaw",
    "PathSample",
    "Preconditioning",
    "Solution",
    "Solver",
    "coloured_noise",
    "field_keys",
    "fit_noise_law",
    "fold",
    "gaussian_velocity",
    "linear_path",
    "noise",
    "normals",
    "octaves",
    "solve",
    "uniform",
]
