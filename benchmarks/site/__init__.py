"""A bare Django project with coldrec and a made-up shop: what speed and faults are measured on."""
