"""`groupwise check` and `groupwise status`."""

import argparse
import os
import sys
from pathlib import Path

from groupwise.command.page import as_html, as_text, as_tsv
from groupwise.errors import InputError

#: The workflow of this installation, where it stands beside the library.
SHIPPED = Path(__file__).parents[3] / "Snakefile"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 where the study cannot run as it is."""
    options = _parser().parse_args(arguments)
    try:
        page, rows, code = (_check if options.command == "check" else _status)(options)
    except InputError as error:
        lines = "\n".join(f"  {finding}" for finding in error.findings)
        print(f"Groupwise cannot go on:\n{lines}", file=sys.stderr)
        return 1
    made = {"text": lambda: as_text(page), "html": lambda: as_html(page)}
    print(made.get(options.format, lambda: as_tsv(rows))(), end="")
    return code


def _check(options: argparse.Namespace):
    from groupwise.command.check import check_page, check_rows, check_study
    from groupwise.config.read import read_study_file

    study = read_study_file(options.configfile)
    found, findings = check_study(study)
    return check_page(study, found, findings), check_rows(found), int(bool(findings))


def _status(options: argparse.Namespace):
    from groupwise.command.status import read_status, status_page, status_rows

    snakefile = options.snakefile or ("Snakefile" if Path("Snakefile").exists() else SHIPPED)
    absent = [
        f"{path}: is not there; give {what}"
        for path, what in (
            (options.configfile, "the study by --configfile"),
            (snakefile, "the workflow by --snakefile"),
            (options.directory, "by --directory where the workflow runs"),
        )
        if not Path(path).exists()
    ]
    if absent:
        raise InputError(absent)
    jobs = read_status(str(snakefile), options.configfile, options.directory)
    return status_page(jobs, options.cores, options.configfile), status_rows(jobs), 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="groupwise", description="What a study holds, and how far its run has come."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    told = {
        "check": "the config and the inputs as a table, before anything runs",
        "status": "each job: done, running, stale (and why), pending, stopped, failed (its log)",
    }
    for name, text in told.items():
        command = commands.add_parser(name, help=text, description=f"Show {text}.")
        command.add_argument(
            "--configfile", default="config/config.yaml", help="the study (default: %(default)s)"
        )
        command.add_argument(
            "--format", choices=("text", "tsv", "html"), default="text", help="of what is printed"
        )
        if name == "status":
            command.add_argument("--directory", default=".", help="where the workflow runs")
            command.add_argument("--snakefile", help="the workflow (default: the one here)")
            command.add_argument(
                "--cores",
                type=int,
                default=os.cpu_count(),
                help="for the time that is left (default: all, %(default)s)",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
