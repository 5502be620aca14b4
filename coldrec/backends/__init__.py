"""The outside world, one file per engine. Nothing here knows Django's settings or the services."""
