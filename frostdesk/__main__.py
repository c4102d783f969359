"""`python -m frostdesk`."""

from frostdesk.cli import main

main()
