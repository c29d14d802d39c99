"""Data sources of ready-made data: tables of maps, source estimates, evoked responses, values."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.config.analysis import cells_of
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.participants import constant_columns
from groupwise.plan.paths import Paths, surfaces
from groupwise.plan.source import CorticalSource, People, PlacesSource, Source

if TYPE_CHECKING:
    import pandas as pd


class TableSource(Source):
    """Ready-made data in a table with one row per map.

    Attributes
    ----------
    table : table with the columns `subject` and `path`; None if it is not readable.
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
        """Return the table. Raises `InputError` if it is not readable or names missing files."""
        from groupwise.inputs.tables import read_table  # importing pandas takes 0.3 s

        return read_table(self.section.table, self.files_of)

    def file_findings(self) -> list[str]:
        """Return findings on the other files of the section."""
        return []

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the files of a map."""
        return [path]

    def _select(self, name: str) -> None:
        """Select the rows of an analysis, and record its subjects and findings."""
        from groupwise.inputs.tables import select_maps

        study = self.study
        rows, inclusion = select_maps(
            self.selectable(name),
            cells_of(self.analyses[name]),
            study.subjects,
            study.exclude,
            study.missing,
        )
        self._rows[name] = rows
        self._subjects[name] = sorted({row["subject"] for row in rows} | set(inclusion.incomplete))
        self.left_out |= inclusion.left_out
        self.incomplete |= inclusion.incomplete
        self.findings += [
            f"{self.section.table}: analyses.{name}: {each}" for each in inclusion.findings
        ]

    def selectable(self, name: str) -> "pd.DataFrame":
        """Return the table from which the maps of an analysis are selected."""
        assert self.table is not None
        return self.table

    def column(self, factor: str) -> str:
        """Return the name of the column of a factor."""
        return factor

    @property
    def subjects(self) -> list[str]:
        """Subjects of the table."""
        return [] if self.table is None else sorted(set(self.table["subject"]))

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per map; see `Source.rows`."""
        return self._rows.get(analysis, [])

    def subjects_of(self, analysis: str) -> list[str]:
        """Return the subjects of an analysis, with the subjects that are incomplete in it."""
        return self._subjects.get(analysis, [])

    def files(self, analysis: str) -> list[str]:
        """Return the files of the maps of an analysis."""
        return [part for row in self.rows(analysis) for part in self.files_of(row["path"])]

    def units(self, analysis: str) -> str:
        """Return the units in the config."""
        return self.section.units

    @cached_property
    def constant_columns(self) -> People:
        """Values of the columns that have one value per subject, by subject."""
        assert self.table is not None
        return constant_columns(self.table.astype(str).to_dict("records"))

    def people(self, analysis: str) -> tuple[People, str]:
        """Return groups and covariates from the participants table or the table of maps.

        If the config names no participants table, the table of maps is used if it has all columns
        or if no participants.tsv exists.
        """
        spec = self.spec(analysis)
        if self.table is None or not (spec.between or spec.covariates):
            return {}, ""
        if self.study.participants is None:
            wanted = {*(spec.between or {}), *spec.covariates}
            known = {name for row in self.constant_columns.values() for name in row}
            if wanted <= known or not self.participants_file:
                return self.constant_columns, self.section.table
        return super().people(analysis)


class MapsSource(TableSource):
    """Ready-made maps in volumes: NIfTI or ANALYZE."""

    data = "maps"

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the files of a map: one, or header and data."""
        from groupwise.stack.volumes import files_of

        return files_of(path)

    def file_findings(self) -> list[str]:
        """Return findings on the mask and the target grid."""
        return _find_missing(self, "mask", "resample_to")

    @property
    def mask_file(self) -> str | list[str]:
        """Mask of the config; [] if the config names none."""
        return [] if self.section.mask == "intersection" else self.section.mask

    @property
    def target_file(self) -> str | list[str]:
        """Image with the grid to which all maps are resampled; [] if the config names none."""
        return self.section.resample_to or []

    def space(self, analysis: str) -> str:
        """Return "volume"."""
        return "volume"


class EstimatesSource(TableSource, CorticalSource):
    """Ready-made source estimates on the surface of a template: STC, HDF5 or GIFTI."""

    data = "estimates"

    @staticmethod
    def files_of(path: str) -> list[str]:
        """Return the files of an estimate: one, or one per hemisphere."""
        from groupwise.inputs.hemispheres import hemispheres_of

        return hemispheres_of(path)

    def file_findings(self) -> list[str]:
        """Return findings on the template and the parcellations."""
        section = self.section
        return (
            _find_missing(self, "subjects_dir")
            or [
                f"config: estimates.template: {path} does not exist; copy or link FreeSurfer's "
                f"{section.template} into {section.subjects_dir}"
                for path in surfaces(section.template, section.subjects_dir)
                if not Path(path).is_file()
            ][:1]
            or self.parcel_findings()
        )

    def space(self, analysis: str) -> str:
        """Return "labels" or "surface"."""
        return "labels" if self.spec(analysis).space == "labels" else "surface"

    @property
    def template_name(self) -> str:
        """Name of the template."""
        return self.section.template

    def template(self, analysis: str = "") -> str:
        """Return the path of the source space of the template."""
        return self.paths.template_file(self.section.template, self.section.spacing)

    def label_mode(self) -> str:
        """Return the mode with which MNE averages the sources of a label."""
        return "mean"


class EvokedsSource(TableSource):
    """Ready-made evoked responses in FIF."""

    data = "evokeds"

    def read_table(self) -> "pd.DataFrame":
        """Return the table; a file with several responses is in several rows."""
        from groupwise.inputs.tables import read_table

        return read_table(self.section.table, shared=True)

    def space(self, analysis: str) -> str:
        """Return "sensors"."""
        return "sensors"

    def files(self, analysis: str) -> list[str]:
        """Return the files of the evoked responses of an analysis, each once."""
        return list(dict.fromkeys(row["path"] for row in self.rows(analysis)))


class ValuesSource(TableSource, PlacesSource):
    """Ready-made values of channels or regions in a long table, such as those of MNE-NIRS."""

    data = "values"

    def read_table(self) -> "pd.DataFrame":
        """Return the table, with the subjects in the column `subject`."""
        from groupwise.stack.channels import read_values

        section = self.section
        table = read_values(section.table, section.place, section.value)
        # A table with the column ID may have another one called subject.
        return table.drop(columns="subject", errors="ignore").rename(columns={"ID": "subject"})

    def column(self, factor: str) -> str:
        """Return the name of the column of a factor; MNE-NIRS writes Condition with a capital."""
        assert self.table is not None
        return factor if factor in self.table else factor.capitalize()

    def selectable(self, name: str) -> "pd.DataFrame":
        """Return one row per subject and combination of the factors of an analysis."""
        assert self.table is not None
        maps = self.table[["subject"]].assign(path="")
        columns = {factor: self.column(factor) for factor in within_levels(self.analyses[name])}
        return maps.assign(
            **{
                factor: self.table[column]
                for factor, column in columns.items()
                if column in self.table
            }
        ).drop_duplicates()

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per subject and cell; `keys` selects its rows of the table."""
        factors = within_levels(self.analyses[analysis])
        return [
            {name: value for name, value in row.items() if name != "path"}
            | {"keys": {self.column(factor): row[factor] for factor in factors}}
            for row in super().rows(analysis)
        ]

    def space(self, analysis: str) -> str:
        """Return "channels", which means channels or regions."""
        return "channels"

    def files(self, analysis: str) -> str:
        """Return the table."""
        return self.section.table

    def facts(self, analysis: str) -> dict[str, Any]:
        """Return the columns, units and chromophores of the values."""
        assert self.table is not None
        section = self.section
        chromas = sorted(set(self.table["Chroma"])) if "Chroma" in self.table else []
        return {
            "place": section.place,
            "value": section.value,
            "units": section.units,
            "chromas": chromas,
            "name": "values",
        }


def within_levels(spec: Any) -> dict[str, list[str]]:
    """Return the columns and levels that distinguish the cells of an analysis, slowest first."""
    if spec.within is not None:
        return spec.within
    return {"condition": spec.conditions} if spec.conditions else {}


def _find_missing(source: Source, *keys: str) -> list[str]:
    """Return findings on files of a section that do not exist."""
    paths = {key: getattr(source.section, key) for key in keys}
    return [
        f"config: {source.data}.{key}: {path} does not exist; check the path"
        for key, path in paths.items()
        if path not in (None, "intersection") and not Path(path).exists()
    ]
