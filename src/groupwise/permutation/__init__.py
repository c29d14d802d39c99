"""The engine: prepare, blocks of permutations, merge, infer."""

from groupwise.permutation.blocks import Block, run_block
from groupwise.permutation.infer import Result, infer, read_maps
from groupwise.permutation.merge import Null, merge
from groupwise.permutation.prepare import ENGINE_VERSION, Prepared, prepare
from groupwise.permutation.resample import Orders, SignFlips
from groupwise.permutation.table import describe_clusters, describe_columns, write_table
from groupwise.permutation.test import permutation_test
from groupwise.stack.lattice import Lattice

__all__ = [
    "ENGINE_VERSION",
    "Block",
    "Lattice",
    "Null",
    "Orders",
    "Prepared",
    "Result",
    "SignFlips",
    "describe_clusters",
    "describe_columns",
    "infer",
    "merge",
    "permutation_test",
    "prepare",
    "read_maps",
    "run_block",
    "write_table",
]
