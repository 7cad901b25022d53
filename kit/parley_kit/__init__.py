"""What every HTTP service of Parley has, so that knowing one of them is knowing all."""

__version__ = "0.1.0"
