"""The knowledge graph, G = (V, E): what its words mean, how values are written, what is found in text and behaviour."""
