"""`groupwise check` and `groupwise status`."""

import argparse
import os
import sys
from pathlib import Path

from groupwise.command.page import as_html, as_text, as_tsv
from groupwise.errors import InputError

#: Workflow of this installation, if the library is in a clone of the repository.
SHIPPED = Path(__file__).parents[3] / "Snakefile"


def main(arguments: list[str] | None = None) -> int:
    """Run the command. The exit code is 1 if the study cannot run."""
    options = _parser().parse_args(arguments)
    try:
        page, rows, code = (_check if options.command == "check" else _status)(options)
    except InputError as error:
        lines = "\n".join(f"  {finding}" for finding in error.findings)
        print(f"Groupwise cannot go on:\n{lines}", file=sys.stderr)
        return 1
    formats = {"text": lambda: as_text(page), "html": lambda: as_html(page)}
    print(formats.get(options.format, lambda: as_tsv(rows))(), end="")
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
        f"{path}: does not exist; {remedy}"
        for path, remedy in (
            (options.configfile, "name the config with --configfile"),
            (snakefile, "name the Snakefile of the workflow with --snakefile"),
            (options.directory, "name the working directory of the workflow with --directory"),
        )
        if not Path(path).exists()
    ]
    if absent:
        raise InputError(absent)
    jobs = read_status(str(snakefile), options.configfile, options.directory)
    return status_page(jobs, options.cores, options.configfile), status_rows(jobs), 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="groupwise", description="Check a study, and show the state of its jobs."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    descriptions = {
        "check": "the data of a study and all findings, before a run",
        "status": "the state of each job: done, running, stale, pending, stopped or failed",
    }
    for name, text in descriptions.items():
        command = commands.add_parser(name, help=text, description=f"Show {text}.")
        command.add_argument(
            "--configfile",
            default="config/config.yaml",
            help="config of the study (default: %(default)s)",
        )
        command.add_argument(
            "--format", choices=("text", "tsv", "html"), default="text", help="format of the output"
        )
        if name == "status":
            command.add_argument(
                "--directory", default=".", help="working directory of the workflow"
            )
            command.add_argument("--snakefile", help="Snakefile of the workflow")
            command.add_argument(
                "--cores",
                type=int,
                default=os.cpu_count(),
                help="cores for the estimate of the remaining time (default: all, %(default)s)",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
