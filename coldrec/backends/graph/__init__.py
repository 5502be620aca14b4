"""Engines of ``coldrec.core.protocols.GraphStore``: the shop's tables, and Neo4j."""
