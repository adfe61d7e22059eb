import sys

from tests.bench.machine import *
from tests.bench.pending import measure

log_as_in_production()
print(run(measure(int(sys.argv[1]), float(sys.argv[2]))))
