"""First level of M/EEG: recordings to source estimates and evoked responses, with MNE-Python."""

from mne import surface

# Search nearest neighbours with SciPy's KDTree, as MNE does if scikit-learn is not installed.
# Importing scikit-learn takes two seconds in five stages of each subject. The default is private
# to MNE; if MNE changes it, it is left unchanged here.
if surface._compute_nearest.__defaults__ == ("BallTree", False):
    surface._compute_nearest.__defaults__ = ("KDTree", False)
