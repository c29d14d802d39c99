"""M/EEG recordings, by MNE."""
