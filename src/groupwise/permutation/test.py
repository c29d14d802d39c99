"""Old path of `groupwise.permutation.permutation_test`."""

from groupwise.permutation.in_memory import permutation_test as permutation_test
