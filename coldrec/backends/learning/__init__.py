"""Teaches language models a shop's words; only what trains imports from here, so torch may be imported at the top."""
