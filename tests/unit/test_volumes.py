"""The door for ready-made maps: tables, images of any make, the common mask, NIfTI out."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from groupwise.errors import InputError
from groupwise.inputs.tables import read_table
from groupwise.stack import read_stack, write_stack
from groupwise.stack.volumes import (
    as_volume,
    common_grid,
    common_mask,
    files_of,
    grid_of,
    read_map,
    rows_inside,
    volume_space,
    write_volume,
)

SHAPE = (5, 6, 4)
AFFINE = np.array([[-3.0, 0, 0, 30], [0, 3.0, 0, -40], [0, 0, 4.0, -20], [0, 0, 0, 1]])


def values_of(seed):
    values = np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32) + 5
    values[0] = 0
    values[seed % 3 + 1, 2, 1] = np.nan
    return values


def analyze_big_endian(path, values):
    """An ANALYZE pair with big-endian float32 and a trailing fourth dimension."""
    header = nib.Spm2AnalyzeHeader(endianness=">")
    header.set_data_dtype(">f4")
    image = nib.Spm2AnalyzeImage(values[..., None], AFFINE, header)
    nib.save(image, path)


@pytest.fixture
def maps(tmp_path):
    """Four maps on one grid: two NIfTI, one ANALYZE pair, one compressed NIfTI of integers."""
    paths = [tmp_path / name for name in ("a.nii", "b.img", "c.nii.gz", "d.nii")]
    for seed, path in enumerate(paths):
        if path.suffix == ".img":
            analyze_big_endian(path, values_of(seed))
        else:
            nib.save(nib.Nifti1Image(values_of(seed), AFFINE), path)
    return [str(path) for path in paths]


def table_of(tmp_path, text):
    path = tmp_path / "maps.tsv"
    path.write_text(text)
    return path


def test_every_format_gives_its_values(maps, tmp_path):
    raw = (tmp_path / "b.hdr").read_bytes()
    assert int.from_bytes(raw[:4], "big") == 348  # it really is big-endian
    assert nib.load(maps[1]).shape == (*SHAPE, 1)
    for seed, path in enumerate(maps):
        np.testing.assert_array_equal(read_map(path), values_of(seed))


def test_mask_is_where_all_maps_have_a_value(maps):
    inside, count, affine = common_mask(maps)
    there = [np.isfinite(values_of(k)) & (values_of(k) != 0) for k in range(4)]
    np.testing.assert_array_equal(inside, np.all(there, axis=0))
    np.testing.assert_array_equal(count, np.sum(there, axis=0))
    assert not inside[0].any() and not inside[1, 2, 1]
    np.testing.assert_allclose(affine, AFFINE)


def test_mask_image_is_intersected(maps, tmp_path):
    own = np.zeros(SHAPE, np.uint8)
    own[:, :3] = 1
    nib.save(nib.Nifti1Image(own, AFFINE), tmp_path / "mask.nii.gz")
    inside, _, _ = common_mask(maps, tmp_path / "mask.nii.gz")
    whole, _, _ = common_mask(maps)
    np.testing.assert_array_equal(inside, whole & (own > 0))


def test_nothing_in_common_is_reported(maps, tmp_path):
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.float32), AFFINE), tmp_path / "empty.nii")
    with pytest.raises(InputError, match=r"fewest: .*empty.nii \(0 voxels\)"):
        common_mask([*maps, tmp_path / "empty.nii"])


def test_stack_of_volumes_and_back(maps, tmp_path):
    table = read_table(
        table_of(tmp_path, "subject\tpath\n1\ta.nii\n2\tb.img\n3\tc.nii.gz\n4\td.nii\n")
    )
    inside, _, affine = common_mask(table["path"])
    space = volume_space(inside, affine, name="MNI")
    write_stack(
        tmp_path / "stack",
        rows_inside(table["path"], inside),
        table,
        space,
        units="arbitrary",
        description="test",
        provenance={},
    )
    stack = read_stack(tmp_path / "stack")
    np.testing.assert_array_equal(stack.data[1], values_of(1)[inside])
    i, j, k = stack.space.voxels[7]
    np.testing.assert_allclose(
        stack.space.coordinates[7], [30 - 3 * i, -40 + 3 * j, -20 + 4 * k], rtol=1e-6
    )
    assert stack.space.measure[0] == pytest.approx(36)
    write_volume(tmp_path / "out.nii.gz", space, stack.data[1])
    image = nib.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(image.get_fdata()[inside], values_of(1)[inside])
    assert np.isnan(image.get_fdata()[~inside]).all()
    assert image.get_data_dtype() == np.float32 and image.header["sform_code"] == 4
    labels = as_volume(space, np.arange(space.n_points))
    assert labels.get_data_dtype() == np.int32 and labels.get_fdata()[0, 0, 0] == 0


def test_other_grids_are_refused_with_the_list(maps, tmp_path):
    nib.save(nib.Nifti1Image(np.ones((5, 6, 5), np.float32), AFFINE), tmp_path / "deep.nii")
    moved = AFFINE.copy()
    moved[0, 3] += 3
    nib.save(nib.Nifti1Image(values_of(0), moved), tmp_path / "moved.nii")
    with pytest.raises(InputError) as caught:
        common_grid([*maps, tmp_path / "deep.nii", tmp_path / "moved.nii"])
    assert len(caught.value.findings) == 2
    assert "deep.nii" in caught.value.findings[0] and "moved.nii" in caught.value.findings[1]


def test_damaged_images_are_named(maps, tmp_path):
    short = tmp_path / "short.nii"
    short.write_bytes((tmp_path / "a.nii").read_bytes()[:-50])
    zipped = tmp_path / "zipped.nii.gz"
    zipped.write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes())[:-300])
    text = tmp_path / "text.nii"
    text.write_text("no image at all")
    series = tmp_path / "series.nii"
    nib.save(nib.Nifti1Image(np.ones((*SHAPE, 2), np.float32), AFFINE), series)
    for path, why in (
        (short, "truncated"),
        (zipped, "zipped.nii.gz"),
        (text, "text.nii"),
        (series, "one volume"),
        (tmp_path / "absent.nii", "does not exist"),
    ):
        with pytest.raises(InputError, match=why) as caught:
            read_map(path)
        assert path.name in str(caught.value)


def test_table_tells_everything_at_once(maps, tmp_path):
    text = (
        "subject\tcondition\tpath\n"
        "01\tx\ta.nii\n"
        "01\tx\tb.img\n"  # the same subject and condition
        "02\tx\ta.nii\n"  # the same file
        "03\tx\tnone.nii\n"  # no such file
        "\tx\tc.nii.gz\n"  # no subject
    )
    with pytest.raises(InputError) as caught:
        read_table(table_of(tmp_path, text), files_of, least=8)
    told = str(caught.value)
    assert len(caught.value.findings) == 5
    for part in ("lines 2, 3", "lines 2, 4", "none.nii does not exist", "line 6", "8 or more"):
        assert part in told


def test_table_needs_its_columns(tmp_path):
    with pytest.raises(InputError, match="no column path"):
        read_table(table_of(tmp_path, "subject\tfile\n1\ta.nii\n"))
    with pytest.raises(InputError, match=r"absent.tsv"):
        read_table(tmp_path / "absent.tsv")


def test_subjects_stay_text(maps, tmp_path):
    table = read_table(table_of(tmp_path, "subject\tpath\n01\ta.nii\n002\tb.img\n"))
    assert table["subject"].tolist() == ["01", "002"]
    assert files_of(table["path"][1]) == [str(tmp_path / "b.hdr"), str(tmp_path / "b.img")]


def test_half_a_pair_is_found(maps, tmp_path):
    (tmp_path / "b.hdr").unlink()
    with pytest.raises(InputError, match=r"b.hdr does not exist"):
        read_table(table_of(tmp_path, "subject\tpath\n01\ta.nii\n02\tb.img\n"), files_of)


def test_maps_on_another_grid_are_resampled_only_when_asked(tmp_path):
    """A smooth function of place has its own values on any grid, inside its image."""

    def save(name, shape, size):
        affine = np.diag([size, size, size, 1.0])
        x, y, z = nib.affines.apply_affine(affine, np.argwhere(np.ones(shape))).T
        values = (2 + np.sin(x / 15) + 0.02 * y * np.cos(z / 20)).reshape(shape)
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), tmp_path / name)
        return tmp_path / name

    fine, coarse = save("fine.nii", (31, 31, 31), 2.0), save("coarse.nii", (21, 21, 21), 3.0)
    with pytest.raises(InputError, match=r"set maps[.]resample_to"):
        common_mask([fine, coarse])
    onto = grid_of(coarse)
    inside, count, affine = common_mask([fine, coarse], onto=onto)
    assert inside.shape == (21, 21, 21) and count.max() == 2
    np.testing.assert_array_equal(affine, onto[1])
    moved, own = rows_inside([fine, coarse], inside, onto)
    np.testing.assert_allclose(moved, own, atol=0.01)
    hole = nib.load(fine)
    values = hole.get_fdata()
    values[10:16, 10:16, 10:16] = np.nan
    nib.save(nib.Nifti1Image(values.astype(np.float32), hole.affine), tmp_path / "hole.nii")
    kept = np.isfinite(read_map(tmp_path / "hole.nii", onto))
    assert not kept[7:10, 7:10, 7:10].any() and kept[:6].all()
