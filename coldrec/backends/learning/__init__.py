"""Trains language models with torch; every import of it stays inside functions or this folder's files."""
