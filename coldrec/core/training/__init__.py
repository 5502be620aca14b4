"""From a Dataset to an artifact."""
