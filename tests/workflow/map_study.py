"""A small study of ready-made volume maps: its files and its config."""

import nibabel as nib
import numpy as np
import pandas as pd

SHAPE, AFFINE = (14, 16, 12), np.diag([-4.0, 4.0, 4.0, 1.0])
EFFECT = "group/reward/oneSample"


def write_maps(folder, n=9):
    """Big-endian ANALYZE pairs with a trailing dimension and NaN, and NIfTI, in one table."""
    rng = np.random.default_rng(7)
    header = nib.Spm2AnalyzeHeader(endianness=">")
    affine = AFFINE.copy()
    affine[:3, 3] = [26, -30, -22]
    rows = []
    for subject in range(n):
        values = rng.normal(size=SHAPE).astype(np.float32)
        values[4:8, 5:9, 4:8] += 2.0
        values[0] = 0
        if subject % 2:
            values[rng.integers(1, 14), 0, 0] = np.nan
            path = folder / f"con_{subject:02d}.img"
            image = nib.Spm2AnalyzeImage(values[..., None], affine, header.copy())
            image.set_data_dtype(np.float32)
        else:
            path = folder / f"con_{subject:02d}.nii.gz"
            image = nib.Nifti1Image(values, affine)
        nib.save(image, path)
        rows.append({"subject": f"{subject:02d}", "path": path.name})
    pd.DataFrame(rows).to_csv(folder / "maps.tsv", sep="\t", index=False)
    return rows


def config(folder, **changes):
    return {
        "study": "reward",
        "output": str(folder / "results"),
        "seed": 5,
        "block_size": 100,
        "maps": {"table": str(folder / "maps.tsv"), "units": "contrast"},
        "analyses": {
            "reward": {
                "data": "maps",
                "test": "one-sample",
                "cluster": {"threshold": {"p": 0.01}},
                "permutations": 200,
            }
        },
        **changes,
    }
