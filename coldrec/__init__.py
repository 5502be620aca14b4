"""Recommendations and search for online shops, good from the first visit on.

Add ``coldrec`` to ``INSTALLED_APPS``; see README.md for the five-step install.
"""

__version__ = "0.1.0"
