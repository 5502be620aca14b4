#!/usr/bin/env python
"""Runs Django commands for the demo shop."""

import errno
import os
import sys

from django.core.management import execute_from_command_line

# What a person can do something about is said in one sentence instead of a traceback.
PLAIN = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the file may not be written",
}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_demo.settings")
    try:
        execute_from_command_line(sys.argv)
    except OSError as error:
        if error.errno not in PLAIN:
            raise
        sys.exit(f"Cannot go on: {PLAIN[error.errno]} ({error.filename or 'no file named'}). Free it and run again.")
