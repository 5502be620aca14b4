"""Candidate sources: each gives every item a score for a visitor, from one kind of evidence."""
