"""M/EEG recordings, by MNE."""

from mne import surface

# Nearest neighbours by SciPy's tree, as MNE finds them itself where scikit-learn is not installed:
# importing that takes two seconds, in each of five stages a subject. The default is MNE's own
# matter; should it change, nothing happens here.
if surface._compute_nearest.__defaults__ == ("BallTree", False):
    surface._compute_nearest.__defaults__ = ("KDTree", False)
