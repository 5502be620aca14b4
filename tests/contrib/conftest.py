"""oscar_cases.py is run by test_oscar.py, with settings of its own; nobody else may even import it."""

collect_ignore = ["oscar_cases.py"]
