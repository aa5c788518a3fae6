"""The command line, as a program."""
