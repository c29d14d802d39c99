"""Small fNIRS recordings as files: SNIRF, and a folder as NIRx' NIRStar writes it."""

from pathlib import Path

import numpy as np
from scipy.io import savemat

HEADER = """[GeneralInfo]
FileName="NIRS-2026-01-02_001"
Date="Fri, Jan 2, 2026"
Time="10:00:00.000"
Device="NIRScout 16x24"
NIRStar="15.2"

[ImagingParameters]
Sources={sources}
Detectors={detectors}
ShortBundles=0
Wavelengths="760\t850"
SamplingRate={rate}

[Markers]
Events="#
{markers}
#"

[DataStructure]
S-D-Key="{key}"
S-D-Mask="#
{mask}
#"

[ChannelsDistance]
ChanDis="{distances}"
"""


def write_nirx(folder: Path, intensity: np.ndarray, rate: float, events: dict[int, int]) -> Path:
    """A NIRx folder of 2 sources and 2 detectors, pairs 1-1 and 2-2 (30 mm and 8 mm).

    intensity: (2 wavelengths, samples, 4 pairs 1-1, 1-2, 2-1, 2-2); events: sample to trigger.
    """
    folder.mkdir(parents=True)
    stem = folder / "NIRS-2026-01-02_001"
    pairs = [(s, d) for s in (1, 2) for d in (1, 2)]
    key = "".join(f"{s}-{d}:{k}," for k, (s, d) in enumerate(pairs, 1))
    markers = "\n".join(f"{at / rate:.2f}\t{code}\t{at}" for at, code in events.items())
    text = HEADER.format(
        sources=2, detectors=2, rate=rate, markers=markers, key=key, mask="1\t0\n0\t1",
        distances="30.0\t8.0",
    )  # fmt: skip
    Path(f"{stem}.hdr").write_text(text)
    Path(f"{stem}.inf").write_text(
        '[Subject Demographics]\nname="P 01"\nage=30\ngender="F"\nstudy=""\n'
    )
    for ending in (".set", ".tpl", ".dat", "_config.txt"):
        Path(f"{stem}{ending}").write_text("")
    lines = [
        "\t".join([str(at), *[str(code >> k & 1) for k in range(8)]]) for at, code in events.items()
    ]
    Path(f"{stem}.evt").write_text("\n".join(lines) + "\n")
    for k, values in enumerate(intensity, 1):
        np.savetxt(f"{stem}.wl{k}", values, delimiter=" ", fmt="%.9g")
    places = {
        "coords_s3": np.array([[-6.0, 0.0, 5.0], [6.0, 0.0, 5.0]]),
        "coords_d3": np.array([[-6.0, 3.0, 5.0], [6.0, 0.8, 5.0]]),
        "coords_c3": np.array([[-6.0, 1.5, 5.0], [6.0, 0.4, 5.0]]),
        "index_c": np.array([[1, 1], [2, 2]]),
    }
    savemat(f"{stem}_probeInfo.mat", {"probeInfo": {"probes": places}})
    return folder
