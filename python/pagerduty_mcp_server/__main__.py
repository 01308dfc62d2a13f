"""`python -m pagerduty_mcp_server` is the console command."""

import sys

from . import main

sys.exit(main())
