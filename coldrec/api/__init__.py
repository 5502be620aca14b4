"""The HTTP interface, version 1: lists out, events in. Written down in docs/api.md and served as OpenAPI 3."""
