"""`python -m tumorscope` is the program `tumorscope`."""

from tumorscope.cli import main

main()
