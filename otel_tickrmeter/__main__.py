"""`python -m otel_tickrmeter` is the command `otel-tickrmeter`."""

import sys

from otel_tickrmeter.cli import main

sys.exit(main())
