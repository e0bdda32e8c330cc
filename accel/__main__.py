"""``python -m accel`` is ``accel``; the jobs of a sweep and the ranks of a run start this way."""

import sys

from accel.cli import main

sys.exit(main())
