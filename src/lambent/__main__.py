"""`python -m lambent`: the command line, for where the script is not on the path."""

from lambent.cli.main import main

main()
