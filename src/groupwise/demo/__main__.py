"""Make the demo studies: python -m groupwise.demo FOLDER [--subjects N] [--faces N] ..."""

import argparse
import sys
from pathlib import Path

from groupwise.demo.faces import make_faces
from groupwise.demo.study import make_demo
from groupwise.demo.tapping import make_tapping
from groupwise.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, make the study, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m groupwise.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets the three studies")
    parser.add_argument("--subjects", type=int, default=8, help="with MEG; 0: none (default: 8)")
    parser.add_argument("--faces", type=int, default=12, help="with fMRI; 0: none (default: 12)")
    parser.add_argument("--tapping", type=int, default=6, help="with fNIRS; 0: none (default: 6)")
    parser.add_argument("--jobs", type=int, default=2, help="subjects at a time (default: 2)")
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
