"""Simulate MEG recordings: fields of the sources at the sensors, with realistic noise."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.transforms import Transform, apply_trans, get_ras_to_neuromag_trans, rotation
from scipy.signal import lfilter

from groupwise.demo.anatomy import Anatomy, vertex_normals
from groupwise.demo.sources import Response, time_courses

SFREQ = 100.0  # Hz
DURATION = 100.0  # s
EMPTY_ROOM_DURATION = 30.0  # s
LINE_FREQUENCY = 50.0  # Hz

#: Gradiometer that is bad in every recording.
BAD_CHANNEL = "MEG 2443"

#: Resolution of the 16-bit recordings, in T, T/m and V.
RESOLUTION = {"mag": 4e-16, "grad": 4e-14, "eog": 2e-8, "stim": 1.0}


@dataclass(frozen=True)
class Noise:
    """Parameters of noise and artifacts; sensor noise is the standard deviation at 100 Hz."""

    magnetometer: float = 2.5e-14  # T
    gradiometer: float = 2.5e-12  # T/m
    colour: float = 0.3  # coefficient of the sensors' first-order autoregression
    bad_gradiometer: float = 2e-10  # T/m
    brain_dipoles: int = 150
    brain_moment: float = 6e-9  # Am, of each, pink with an alpha rhythm
    blinks: float = 12.0  # a minute
    blink_moment: float = 1e-7  # Am of each eye
    blink_voltage: float = 2.5e-4  # V at the EOG channel
    heart_rate: float = 65.0  # a minute
    heart_moment: float = 3e-7  # Am, a dipole in the chest


@dataclass(frozen=True)
class Session:
    """Position of a subject in the helmet."""

    head_mri: Transform  # head to MRI, m
    device_head: Transform  # device to head, m
    montage: mne.channels.DigMontage


def draw_session(anatomy: Anatomy, rng: np.random.Generator) -> Session:
    """Return a random position of a head, 3 cm below the top of the helmet, with digitisation."""
    fiducials = {name: point / 1e3 for name, point in anatomy.fiducials.items()}
    mri_head = get_ras_to_neuromag_trans(fiducials["nasion"], fiducials["lpa"], fiducials["rpa"])
    head = apply_trans(mri_head, anatomy.head[0] / 1e3)
    device_head = rotation(x=rng.normal(0, 0.05), y=rng.normal(0, 0.03), z=rng.normal(0, 0.03))
    helmet_top = 0.1096  # m, of the Neuromag array above the device's origin
    device_head[:3, 3] = [
        rng.normal(0, 0.002),
        rng.normal(0.002, 0.002),
        head[:, 2].max() - helmet_top + 0.030,
    ]
    upper = head[head[:, 2] > 0]
    shape_points = rng.choice(upper, 100, replace=False) + rng.normal(0, 5e-4, (100, 3))
    coils = np.array([[-0.05, 0.075, 0.06], [0.05, 0.075, 0.06], [-0.07, -0.02, 0.05]])
    coils = np.vstack([coils, coils[-1] * [-1, 1, 1]])
    nearest = np.linalg.norm(head[:, None] - coils, axis=2).argmin(axis=0)
    montage = mne.channels.make_dig_montage(
        **{name: apply_trans(mri_head, point) for name, point in fiducials.items()},
        hpi=head[nearest],
        hsp=shape_points,
        coord_frame="head",
    )
    return Session(
        head_mri=Transform("head", "mri", np.linalg.inv(mri_head)),
        device_head=Transform("meg", "head", device_head),
        montage=montage,
    )


def draw_events(rng: np.random.Generator, n_events: int = 96) -> np.ndarray:
    """Return balanced random events (n, 2), about one per second: sample and event value."""
    values = rng.permutation(np.repeat([1, 2, 3, 4], n_events // 4))
    onsets = 0.8 + np.arange(len(values)) + rng.uniform(-0.08, 0.08, len(values))
    return np.c_[np.round(onsets * SFREQ).astype(int), values]


def simulate_recording(
    anatomy: Anatomy,
    conductor: mne.bem.ConductorModel,
    session: Session,
    responses: list[Response],
    events: np.ndarray,
    noise: Noise,
    rng: np.random.Generator,
) -> mne.io.RawArray:
    """Return one run: responses, brain and sensor noise, blinks, heartbeats and triggers."""
    n_samples = round(DURATION * SFREQ)
    raw = _empty_raw(n_samples, session)
    brain, patches = _brain_gains(raw.info, anatomy, conductor, session, responses, noise, rng)
    data = patches @ time_courses(responses, events, n_samples, SFREQ)
    data += brain @ (noise.brain_moment * _pink(rng, brain.shape[1], n_samples))
    body = _body_gains(raw.info, anatomy, session)
    blinks, heart = _blinks(rng, n_samples, noise), _heartbeats(rng, n_samples, noise)
    data += np.outer(body[0] + body[1], noise.blink_moment * blinks)
    data += np.outer(body[2], noise.heart_moment * heart)
    data += _sensor_noise(raw.info, n_samples, noise, rng)
    raw._data[: len(data)] = data
    raw._data[raw.ch_names.index("EOG 061")] = noise.blink_voltage * blinks + rng.normal(
        0, 5e-6, n_samples
    )
    trigger = raw.ch_names.index("STI 014")
    for sample, value in events:
        raw._data[trigger, sample : sample + 2] = value
    return raw


def simulate_empty_room(noise: Noise, rng: np.random.Generator) -> mne.io.RawArray:
    """Return an empty-room recording, which is sensor noise only."""
    n_samples = round(EMPTY_ROOM_DURATION * SFREQ)
    raw = _empty_raw(n_samples, None)
    meg = _sensor_noise(raw.info, n_samples, noise, rng)
    raw._data[: len(meg)] = meg
    return raw


def save_short(raw: mne.io.RawArray, path: Path) -> None:
    """Save as FIF with 16-bit samples, a quarter of the default size in memory and on disk."""
    for channel, kind in zip(raw.info["chs"], raw.get_channel_types(), strict=True):
        channel["cal"], channel["range"] = RESOLUTION[kind], 1.0
    raw._cals = np.array([channel["cal"] for channel in raw.info["chs"]])
    raw.save(path, fmt="short", overwrite=True, verbose="error")


def _empty_raw(n_samples: int, session: Session | None) -> mne.io.RawArray:
    """Return a recording of zeros with 306 MEG channels, EOG and trigger; the bad one is marked."""
    meg = mne.channels.read_meg_canonical_info("neuromag", verbose="error")
    device_head = None if session is None else session.device_head
    parts = []
    for info in (meg, mne.create_info(["EOG 061", "STI 014"], SFREQ, ["eog", "stim"])):
        with info._unlock():
            info["sfreq"], info["lowpass"], info["highpass"] = SFREQ, SFREQ / 3, 0.03
            info["line_freq"] = LINE_FREQUENCY
            info["dev_head_t"] = device_head
        parts.append(mne.io.RawArray(np.zeros((len(info.ch_names), n_samples)), info, verbose=40))
    raw = parts[0].add_channels(parts[1:], force_update_info=True)
    if session is not None:
        raw.set_montage(session.montage, verbose="error")
    raw.info["bads"] = [BAD_CHANNEL]
    return raw


def _gain(
    info: mne.Info,
    conductor: mne.bem.ConductorModel,
    points: np.ndarray,
    normals: np.ndarray,
    session: Session,
) -> np.ndarray:
    """Return fields (306, n) of unit dipoles at points (n, 3) in m (MRI frame) along normals.

    A dipole outside of the inner skull has no field.
    """
    source_space = mne.setup_volume_source_space(pos={"rr": points, "nn": normals}, verbose="error")
    forward = mne.make_forward_solution(
        info, session.head_mri, source_space, conductor, eeg=False, mindist=0.0, verbose="error"
    )
    forward = mne.convert_forward_solution(
        forward, force_fixed=True, use_cps=False, verbose="error"
    )
    gain = np.zeros((forward["nchan"], len(points)))
    gain[:, forward["src"][0]["vertno"]] = forward["sol"]["data"]
    return gain


def _brain_gains(
    info: mne.Info,
    anatomy: Anatomy,
    conductor: mne.bem.ConductorModel,
    session: Session,
    responses: list[Response],
    noise: Noise,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return fields of the noise dipoles (306, dipoles) and of the patches (306, responses).

    The forward solution is limited to these positions, some hundreds instead of a source space.
    """
    hemispheres = list(anatomy.hemispheres.values())
    first = dict(zip(anatomy.hemispheres, (0, len(hemispheres[0].white)), strict=True))
    points = np.concatenate([each.white for each in hemispheres]) / 1e3
    normals = np.concatenate([vertex_normals(each.white, each.triangles) for each in hemispheres])
    patches = [first[each.source.hemisphere] + each.vertices for each in responses]
    chosen = [rng.choice(len(points), noise.brain_dipoles, replace=False), *patches]
    used = np.concatenate(chosen)
    gain = _gain(info, conductor, points[used], normals[used], session)
    brain, *patch_gains = np.split(gain, np.cumsum([len(each) for each in chosen])[:-1], axis=1)
    return brain, np.stack([each.mean(axis=1) for each in patch_gains], axis=1)


def _body_gains(info: mne.Info, anatomy: Anatomy, session: Session) -> np.ndarray:
    """Return fields (3, 306) of unit dipoles in both eyes (upward) and the chest (rightward).

    They use a sphere model, like `mne.simulation.add_eog` and `add_ecg`.
    """
    mri_head = np.linalg.inv(session.head_mri["trans"])
    origin = apply_trans(mri_head, anatomy.inner_skull[0].mean(axis=0) / 1e3)
    nasion = apply_trans(mri_head, anatomy.fiducials["nasion"] / 1e3)
    in_head = np.array(
        [
            nasion + np.array([-0.033, -0.020, -0.010]),
            nasion + np.array([0.033, -0.020, -0.010]),
            origin + np.array([-0.08, 0.0, -0.30]),
        ]
    )
    upward, rightward = [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]
    normals = np.array([upward, upward, rightward])
    sphere = mne.make_sphere_model(origin, head_radius=None, verbose="error")
    head_to_mri = session.head_mri["trans"]
    return _gain(
        info,
        sphere,
        apply_trans(head_to_mri, in_head),
        apply_trans(head_to_mri, normals, move=False),
        session,
    ).T


def _pink(rng: np.random.Generator, n: int, n_samples: int) -> np.ndarray:
    """Return noise (n, n_samples) of unit variance: 1/f power above 1 Hz, and a 10 Hz rhythm."""
    frequencies = np.fft.rfftfreq(n_samples, 1 / SFREQ)
    shape = 1 / np.sqrt(np.maximum(frequencies, 1.0))
    shape *= 1 + 1.5 * np.exp(-0.5 * ((frequencies - 10) / 1.2) ** 2)
    spectrum = rng.normal(size=(n, 2, len(frequencies)))
    noise = np.fft.irfft((spectrum[:, 0] + 1j * spectrum[:, 1]) * shape, n_samples)
    return noise / noise.std(axis=1, keepdims=True)


def _sensor_noise(
    info: mne.Info, n_samples: int, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Return independent noise (306, n_samples) of the sensors, larger for the bad one."""
    scale = {"mag": noise.magnetometer, "grad": noise.gradiometer}
    kinds = info.get_channel_types()
    deviations = np.array([scale[kind] for kind in kinds if kind in scale])
    deviations[info.ch_names.index(BAD_CHANNEL)] = noise.bad_gradiometer
    white = rng.standard_normal((len(deviations), n_samples))
    coloured = lfilter([np.sqrt(1 - noise.colour**2)], [1, -noise.colour], white)
    return deviations[:, None] * coloured


def _blinks(rng: np.random.Generator, n_samples: int, noise: Noise) -> np.ndarray:
    """Return blinks: 250 ms Hann windows of varying height at random times."""
    starts = rng.random(n_samples) < noise.blinks / 60 / SFREQ
    heights = starts * rng.uniform(0.6, 1.4, n_samples)
    return np.convolve(heights, np.hanning(round(0.25 * SFREQ)), "same")


def _heartbeats(rng: np.random.Generator, n_samples: int, noise: Noise) -> np.ndarray:
    """Return heartbeats: R, S and T waves at a nearly regular rate."""
    n_beats = int(n_samples / SFREQ * noise.heart_rate / 60 * 1.5)
    beats = np.cumsum(60 / noise.heart_rate * np.exp(rng.normal(0, 0.05, n_beats)))
    train = np.zeros(n_samples)
    train[np.round(beats[beats < (n_samples - 1) / SFREQ] * SFREQ).astype(int)] = 1
    since = np.arange(-0.1, 0.45, 1 / SFREQ)
    wave = np.zeros_like(since)
    for height, centre, width in ((1.0, 0.0, 0.015), (-0.3, 0.04, 0.015), (0.2, 0.28, 0.05)):
        wave += height * np.exp(-0.5 * ((since - centre) / width) ** 2)
    beat_is_at = round(0.1 * SFREQ)
    return np.convolve(train, wave)[beat_is_at : beat_is_at + n_samples]
