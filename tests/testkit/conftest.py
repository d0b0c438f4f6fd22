"""The suite is a project of its own: `test_suite.py` runs it in a pytest of its own."""

collect_ignore = ["suite"]
