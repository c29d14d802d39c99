"""Ready-made data: tables of maps, source estimates, evoked responses or values."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.config.analysis import cells_of
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.participants import constant_columns
from groupwise.plan.paths import Paths, surfaces
from groupwise.plan.source import CorticalSource, People, Source

if TYPE_CHECKING:
    import pandas as pd


class TableSource(Source):
    """Maps listed in a table, one row per map.

    Attributes
    ----------
    table : the table, its columns `subject` and `path` among them; None where it isn't readable.
    """

    ready_made = True

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.table: pd.DataFrame | None = None
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._subjects: dict[str, list[str]] = {}
        try:
            self.table = self.read_table()
        except InputError as error:
            self.findings += error.findings
            return
        self.findings += self.file_findings()
        for name in self.analyses:
            self._select(name)

    def read_table(self) -> "pd.DataFrame":
        """Return the table. Raises `InputError` where it can't be read or names wrong files."""
        from groupwise.inputs.tables import read_table  # pandas takes a third of a second

        return read_table(self.section.table, self.files_of)

    def file_findings(self) -> list[str]:
        """Return findings on other files that the section names."""
        return []

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the files of a map."""
        return [path]

    def _select(self, name: str) -> None:
        """Select the rows of an analysis."""
        from groupwise.inputs.tables import select_maps

        study = self.study
        rows, who = select_maps(
            self.selectable(name),
            cells_of(self.analyses[name]),
            study.subjects,
            study.exclude,
            study.missing,
        )
        self._rows[name] = rows
        self._subjects[name] = sorted({row["subject"] for row in rows} | set(who.incomplete))
        self.left_out |= who.left_out
        self.incomplete |= who.incomplete
        self.findings += [f"{self.section.table}: analyses.{name}: {f}" for f in who.findings]

    def selectable(self, name: str) -> "pd.DataFrame":
        """Return the table from which the maps of an analysis are selected."""
        assert self.table is not None
        return self.table

    def column(self, factor: str) -> str:
        """Return the column of a factor."""
        return factor

    @property
    def subjects(self) -> list[str]:
        """Subjects of the table."""
        return [] if self.table is None else sorted(set(self.table["subject"]))

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per map; see `Source.rows`."""
        return self._rows.get(analysis, [])

    def subjects_of(self, analysis: str) -> list[str]:
        """Return the subjects of an analysis; each analysis has incomplete subjects of its own."""
        return self._subjects.get(analysis, [])

    def files(self, analysis: str) -> list[str]:
        """Return the files of an analysis' maps."""
        return [part for row in self.rows(analysis) for part in self.files_of(row["path"])]

    def units(self, analysis: str) -> str:
        """Return the units that the config gives."""
        return self.section.units

    @cached_property
    def constant_columns(self) -> People:
        """Columns with one value in all rows of a subject, by subject."""
        assert self.table is not None
        return constant_columns(self.table.astype(str).to_dict("records"))

    def people(self, analysis: str) -> tuple[People, str]:
        """Return groups and covariates from the participants table or the table of maps.

        The table of maps is taken where no participants table is named and it has all columns, or
        where there is no participants table at all.
        """
        spec = self.study.analyses[analysis]
        if self.table is None or not (spec.between or spec.covariates):
            return {}, ""
        if self.study.participants is None:
            wanted = {*(spec.between or {}), *spec.covariates}
            known = {name for row in self.constant_columns.values() for name in row}
            if wanted <= known or not self.participants_file:
                return self.constant_columns, self.section.table
        return super().people(analysis)


class MapsSource(TableSource):
    """Maps in volumes: NIfTI or ANALYZE."""

    data = "maps"

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the file of a map, or its header and its data."""
        from groupwise.stack.volumes import files_of

        return files_of(path)

    def file_findings(self) -> list[str]:
        """Return findings on the mask and the target grid."""
        return _absent(self, "mask", "resample_to")

    @property
    def mask_file(self) -> str | list[str]:
        """The mask that the config names; [] without one."""
        return [] if self.section.mask == "intersection" else self.section.mask

    @property
    def target_file(self) -> str | list[str]:
        """The image whose grid all maps are resampled to; [] without one."""
        return self.section.resample_to or []

    def space(self, analysis: str) -> str:
        """Return "volume"."""
        return "volume"


class EstimatesSource(TableSource, CorticalSource):
    """Source estimates on a template's surface: STC, HDF5 or GIFTI."""

    data = "estimates"

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the file of an estimate, or those of its hemispheres."""
        from groupwise.inputs.hemispheres import hemispheres_of

        return hemispheres_of(path)

    def file_findings(self) -> list[str]:
        """Return findings on the template."""
        own = self.section
        return (
            _absent(self, "subjects_dir")
            or [
                f"config: estimates.template: {path} is not there; copy or link FreeSurfer's "
                f"{own.template} into {own.subjects_dir}"
                for path in surfaces(own.template, own.subjects_dir)
                if not Path(path).is_file()
            ][:1]
            or self.parcel_findings()
        )

    def space(self, analysis: str) -> str:
        """Return "labels" or "surface"."""
        return "labels" if self.study.analyses[analysis].space == "labels" else "surface"

    @property
    def template_name(self) -> str:
        """Name of the template."""
        return self.section.template

    def template(self, analysis: str = "") -> str:
        """Return the path of the template's source space."""
        return self.paths.template_file(self.section.template, self.section.spacing)

    def label_mode(self) -> str:
        """Return how MNE averages a label."""
        return "mean"


class EvokedsSource(TableSource):
    """Evoked responses in FIF."""

    data = "evokeds"

    def read_table(self) -> "pd.DataFrame":
        """Return the table, in which a file with several responses has several rows."""
        from groupwise.inputs.tables import read_table

        return read_table(self.section.table, shared=True)

    def space(self, analysis: str) -> str:
        """Return "sensors"."""
        return "sensors"

    def files(self, analysis: str) -> list[str]:
        """Return the files of an analysis' responses, each once."""
        return list(dict.fromkeys(row["path"] for row in self.rows(analysis)))


class ValuesSource(TableSource):
    """Values of channels or regions: a long table, such as MNE-NIRS writes it."""

    data = "values"

    def read_table(self) -> "pd.DataFrame":
        """Return the table, with its subjects in the column `subject`."""
        from groupwise.stack.channels import read_values

        section = self.section
        table = read_values(section.table, section.place, section.value)
        # A table with the column ID may have another one called subject.
        return table.drop(columns="subject", errors="ignore").rename(columns={"ID": "subject"})

    def column(self, factor: str) -> str:
        """Return the column of a factor; MNE-NIRS writes Condition with a capital."""
        assert self.table is not None
        return factor if factor in self.table else factor.capitalize()

    def selectable(self, name: str) -> "pd.DataFrame":
        """Return one row per subject and combination of the factors of an analysis."""
        assert self.table is not None
        maps = self.table[["subject"]].assign(path="")
        own = {factor: self.column(factor) for factor in within_levels(self.analyses[name])}
        return maps.assign(
            **{factor: self.table[name] for factor, name in own.items() if name in self.table}
        ).drop_duplicates()

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per subject and cell; `keys` choose its part of the table."""
        factors = within_levels(self.analyses[analysis])
        return [
            {name: value for name, value in row.items() if name != "path"}
            | {"keys": {self.column(factor): row[factor] for factor in factors}}
            for row in super().rows(analysis)
        ]

    def space(self, analysis: str) -> str:
        """Return "channels", which stands for channels and regions."""
        return "channels"

    def files(self, analysis: str) -> str:
        """Return the table."""
        return self.section.table

    @property
    def montage(self) -> list[str]:
        """A recording with the places of the channels, which a table does not have."""
        return []

    def facts(self, analysis: str) -> dict[str, Any]:
        """Return the columns, units and chromophores of the values."""
        assert self.table is not None
        own = self.section
        found = sorted(set(self.table["Chroma"])) if "Chroma" in self.table else []
        return {
            "place": own.place,
            "value": own.value,
            "units": own.units,
            "chromas": found,
            "name": "values",
        }


def within_levels(spec: Any) -> dict[str, list[str]]:
    """Return the columns and levels that tell the cells of an analysis apart, slowest first."""
    if spec.within is not None:
        return spec.within
    return {"condition": spec.conditions} if spec.conditions else {}


def _absent(source: Source, *keys: str) -> list[str]:
    """Return findings on files that keys of a section name and that don't exist."""
    paths = {key: getattr(source.section, key) for key in keys}
    return [
        f"config: {source.data}.{key}: {path} is not there; check the path"
        for key, path in paths.items()
        if path not in (None, "intersection") and not Path(path).exists()
    ]
