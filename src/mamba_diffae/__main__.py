"""The shell as a module: `python -m mamba_diffae`, `accelerate launch -m mamba_diffae`."""

from mamba_diffae.cli import main

if __name__ == "__main__":
    main()
