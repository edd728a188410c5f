"""Flow matching: the path, the noise function, the solvers. Mathematics only, no networks."""

from mamba_diffae.flow.noise import field_keys, fold, noise, uniform
from mamba_diffae.flow.path import PathSample, Preconditioning, gaussian_velocity, linear_path
from mamba_diffae.flow.solver import SOLVERS, Solution, Solver, solve

__all__ = [
    "SOLVERS",
    "PathSample",
    "Preconditioning",
    "Solution",
    "Solver",
    "field_keys",
    "fold",
    "gaussian_velocity",
    "linear_path",
    "noise",
    "solve",
    "uniform",
]
