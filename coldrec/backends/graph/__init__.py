"""Engines that keep the knowledge graph."""
