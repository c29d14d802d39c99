"""First level of M/EEG: recordings to source estimates and evoked responses, with MNE-Python."""
