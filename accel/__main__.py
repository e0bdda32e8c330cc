"""``python -m accel`` is ``accel``; the ranks of a run start this way."""

import sys

from accel.cli import main

if __name__ == "__main__":
    sys.exit(main())
