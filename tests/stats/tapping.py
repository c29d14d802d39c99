"""Published values of finger tapping, of the MNE-NIRS tutorial 'Group level GLM'."""

import pandas as pd

#: Theta (uM, HbO) of the five participants of the MNE-NIRS tutorial 'Group level GLM', columns
#: Control, Tapping/Left, Tapping/Right, each with the left and the right region.
TAPPING = """
01  0.37247188799086683  0.25408207236541713  2.242849661285841   5.50136088701287   7.075323444994607  2.9545358935528223
02 -0.8996860279166524  -1.5440764380466974   3.130977426133792   4.205153418778897  7.777819085844279  1.2695468514835004
03 -0.8860389918563338  -1.9724115271252622   0.9799166999623115  5.653140455892356  3.4549740876208803 3.693797736937878
04 -0.02847266328575329 -0.1745786970923922  -3.2043576500313686  9.426673639552247  4.997328058024655 -1.4423797732783803
05  0.03537906168788708 -0.47964545400762376  6.65215970019276   23.359206828682286 23.014624888323674 11.00946180545952
"""  # noqa: E501


def tapping() -> pd.DataFrame:
    """Return the table of the tutorial, a row for each value."""
    cells = [
        (condition, roi)
        for condition in ("Control", "Tapping/Left", "Tapping/Right")
        for roi in ("Left_Hemisphere", "Right_Hemisphere")
    ]
    rows = []
    for line in TAPPING.strip().splitlines():
        who, *values = line.split()
        for (condition, roi), value in zip(cells, values, strict=True):
            rows.append({"ID": who, "Condition": condition, "ROI": roi, "Chroma": "hbo",
                         "theta": float(value)})  # fmt: skip
    return pd.DataFrame(rows)
