"""Generate the demo studies: python -m groupwise.demo FOLDER [--subjects N] [--faces N] ..."""

import argparse
import sys
from pathlib import Path

from groupwise.demo.faces import make_faces
from groupwise.demo.study import make_demo
from groupwise.demo.tapping import make_tapping
from groupwise.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, generate the studies, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m groupwise.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="output folder of the three studies")
    parser.add_argument(
        "--subjects", type=int, default=8, help="subjects with MEG; 0: no study (default: 8)"
    )
    parser.add_argument(
        "--faces", type=int, default=12, help="subjects with fMRI; 0: no study (default: 12)"
    )
    parser.add_argument(
        "--tapping", type=int, default=6, help="subjects with fNIRS; 0: no study (default: 6)"
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="number of parallel processes (default: 2)"
    )
    options = parser.parse_args(arguments)
    try:
        if options.subjects:
            make_demo(options.folder, options.subjects, options.jobs)
        if options.faces:
            make_faces(options.folder / "faces", options.faces, options.jobs)
        if options.tapping:
            make_tapping(options.folder / "tapping", options.tapping, options.jobs)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
