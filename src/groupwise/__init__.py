"""Group-level inference for MEG/EEG, fMRI and fNIRS."""

from importlib.metadata import version

__version__ = version("groupwise")
