"""`python -m ngtbench`."""

from ngtbench.cli import main

main()
