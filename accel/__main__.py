"""``accel``, and ``python -m accel``, as which the ranks of a run and the jobs of a sweep start."""

import os
import sys


def leave_current_folder() -> None:
    """Import nothing from the folder where the command was typed, here and in every Python that is started from here.

    It may have been downloaded, and a file ``omegaconf.py`` in it would run. Python looks there first when it is
    started with ``-m`` or ``-c``, or when PYTHONPATH has an empty part. A checkout of accel stays where it is found.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    here, accel = os.getcwd(), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if here != accel:
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or here) != here]


leave_current_folder()

from accel.cli import main  # noqa: E402 - it imports more

if __name__ == "__main__":
    sys.exit(main())
