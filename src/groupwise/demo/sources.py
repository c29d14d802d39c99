"""Simulated sources of the MEG demo study: positions, times, amplitudes and effects."""

from dataclasses import dataclass

import numpy as np

from groupwise.demo.anatomy import Anatomy, Warp, vertex_normals

#: The four conditions of the 2 x 2 design and their event values.
CONDITIONS = {"auditory/left": 1, "auditory/right": 2, "visual/left": 3, "visual/right": 4}

#: The factors in the order of the parts of a condition's name.
FACTORS = {"modality": ["auditory", "visual"], "side": ["left", "right"]}


@dataclass(frozen=True)
class Source:
    """A patch of cortex that responds to each stimulus with one Gaussian deflection."""

    name: str
    hemisphere: str
    place: tuple[float, float, float]  # mm, surface RAS of the template (MNI305)
    peak: float  # s after the stimulus
    width: float  # s, standard deviation of the Gaussian
    amplitudes: tuple[float, float, float, float]  # nAm at the peak, in order of CONDITIONS
    effects: tuple[str, ...]  # effects of the design on the amplitudes


#: Each amplitude pattern has one effect only, so each effect has its own positions. The lateral
#: response is the same for both modalities, and the crossover has no main effect.
SOURCES = (
    Source("auditory-lh", "lh", (-50, -22, 6), 0.100, 0.020, (40, 40, 4, 4), ("modality",)),
    Source("auditory-rh", "rh", (52, -18, 6), 0.100, 0.020, (40, 40, 4, 4), ("modality",)),
    Source("visual-lh", "lh", (-12, -92, 0), 0.130, 0.022, (2, 2, 30, 30), ("modality",)),
    Source("visual-rh", "rh", (12, -92, 2), 0.130, 0.022, (2, 2, 30, 30), ("modality",)),
    Source("lateral-lh", "lh", (-36, -6, 50), 0.180, 0.022, (4, 30, 4, 30), ("side",)),
    Source("lateral-rh", "rh", (36, -6, 50), 0.180, 0.022, (30, 4, 30, 4), ("side",)),
    Source("crossover-rh", "rh", (48, -48, 32), 0.280, 0.040, (30, 5, 5, 30), ("modality:side",)),
)


@dataclass(frozen=True)
class Response:
    """Response of a source in one subject."""

    source: Source
    vertices: np.ndarray  # (n,) of the subject's hemisphere
    peak: float  # s
    amplitudes: np.ndarray  # (4,) nAm, summed over the vertices


def place_responses(
    anatomy: Anatomy,
    warp: Warp,
    rng: np.random.Generator,
    *,
    place_sd: float = 2.5,
    radius: float = 9.0,
    gain_sd: float = 0.2,
    condition_sd: float = 0.1,
    latency_sd: float = 0.006,
) -> list[Response]:
    """Return random responses of one subject: position, latency and amplitude of each source.

    A patch has the vertices within `radius` mm of the position of the source (jittered by
    `place_sd` mm) with normals similar to that of the nearest vertex, so it is on one wall of a
    sulcus. Amplitudes vary log-normally between subjects (`gain_sd`) and conditions
    (`condition_sd`).
    """
    responses = []
    for source in SOURCES:
        hemisphere = anatomy.hemispheres[source.hemisphere]
        place = warp(np.array([source.place], float) + rng.normal(0, place_sd, 3))[0]
        distance = np.linalg.norm(hemisphere.white - place, axis=1)
        normals = vertex_normals(hemisphere.white, hemisphere.triangles)
        nearest = distance.argmin()
        coherent = normals @ normals[nearest] > 0.3
        within = distance < max(radius, distance[nearest] + 3.0)
        gain = np.exp(rng.normal(0, gain_sd)) * np.exp(rng.normal(0, condition_sd, 4))
        responses.append(
            Response(
                source=source,
                vertices=np.flatnonzero(within & coherent),
                peak=source.peak + rng.normal(0, latency_sd),
                amplitudes=gain * np.array(source.amplitudes, float),
            )
        )
    return responses


def time_courses(
    responses: list[Response], events: np.ndarray, n_samples: int, sfreq: float
) -> np.ndarray:
    """Return the moment of each response over the recording (n_responses, n_samples) in Am.

    Parameters
    ----------
    events : (m, 2) sample and event value of each stimulus.
    sfreq : sampling rate in Hz.
    """
    times = np.arange(n_samples) / sfreq
    moments = np.zeros((len(responses), n_samples))
    values = list(CONDITIONS.values())
    for sample, value in events:
        # A Gaussian of 40 ms at 280 ms has faded 0.6 s after the stimulus.
        window = slice(sample, min(sample + round(0.6 * sfreq), n_samples))
        since = times[window] - sample / sfreq
        for row, response in enumerate(responses):
            shape = np.exp(-0.5 * ((since - response.peak) / response.source.width) ** 2)
            amplitude = response.amplitudes[values.index(value)]
            moments[row, window] += amplitude * 1e-9 * shape
    return moments


def describe_source(source: Source) -> dict:
    """Return the description of a source in truth.json."""
    return {
        "Name": source.name,
        "Hemisphere": source.hemisphere,
        "Place": list(source.place),
        "Peak": source.peak,
        "Width": source.width,
        "Amplitudes": dict(zip(CONDITIONS, source.amplitudes, strict=True)),
        "Effects": list(source.effects),
    }


def describe_response(response: Response, anatomy: Anatomy) -> dict:
    """Return the description of a response in truth.json; positions are centres of patches."""
    hemisphere = anatomy.hemispheres[response.source.hemisphere]
    centre = hemisphere.white[response.vertices].mean(axis=0)
    template_centre = hemisphere.template_white[response.vertices].mean(axis=0)
    return {
        "Name": response.source.name,
        "Vertices": response.vertices.tolist(),
        "Place": centre.round(2).tolist(),
        "TemplatePlace": template_centre.round(2).tolist(),
        "Peak": round(response.peak, 4),
        "Amplitudes": dict(zip(CONDITIONS, response.amplitudes.round(2).tolist(), strict=True)),
    }
