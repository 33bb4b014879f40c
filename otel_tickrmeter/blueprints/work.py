"""The process of a worker: `python -m otel_tickrmeter.blueprints.work`, started by a shard."""

import sys

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.jobs.work import work

if __name__ == "__main__":
    sys.exit(work(blueprints()))
