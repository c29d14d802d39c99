"""The engine: prepare, blocks of permutations, merge, infer."""
