"""Observations, feature spaces, adjacency and the stack's files.

The readers of images are in `groupwise.stack.volumes`. They are not imported here, so that the
engine starts without nibabel.
"""

from groupwise.stack.kinds import Hemisphere, Places, Surface, Volume
from groupwise.stack.lattice import Lattice
from groupwise.stack.observations import cell_rows
from groupwise.stack.space import FeatureSpace
from groupwise.stack.store import Stack, read_observations, read_stack, stack_maps, write_stack

__all__ = [
    "FeatureSpace",
    "Hemisphere",
    "Lattice",
    "Places",
    "Stack",
    "Surface",
    "Volume",
    "cell_rows",
    "read_observations",
    "read_stack",
    "stack_maps",
    "write_stack",
]
