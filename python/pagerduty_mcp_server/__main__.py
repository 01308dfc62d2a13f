"""`python -m pagerduty_mcp_server`: the same as the console command."""

import sys

from . import main

sys.exit(main())
