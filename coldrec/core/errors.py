"""One tree of errors; every message says what was wrong, what was got and what is allowed."""


class ColdrecError(Exception):
    """Base of every error raised by coldrec."""


class DatasetError(ColdrecError):
    """The data cannot be read or breaks a rule of the schema."""


class EvaluationError(ColdrecError):
    """A protocol is unknown, or lists break its rules."""


class FitError(ColdrecError):
    """Training cannot produce a model from this data or configuration."""


class ArtifactError(ColdrecError):
    """An artifact directory is incomplete, damaged or made for something else."""


class PromotionError(ColdrecError):
    """A model version may not be put into service, or there is none to go back to."""


class CatalogueError(ColdrecError):
    """The shop's catalogue adapter gave something that is not an item."""


class OntologyError(ColdrecError):
    """A preset of the knowledge graph is unknown, or says something that cannot be."""


class GraphError(ColdrecError):
    """Something cannot be said to the knowledge graph, or may not be done to it."""


class EventError(ColdrecError):
    """An event is malformed. ``code`` is stable, for machines; the message is for people."""

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.code = code
