"""The outside world, one file per engine."""
