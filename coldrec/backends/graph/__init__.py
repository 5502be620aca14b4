"""Engines that keep the knowledge graph: the shop's tables, and Neo4j."""
