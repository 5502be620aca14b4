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


class EncoderError(ColdrecError):
    """A language model cannot be found, read, trained or asked."""


class RunError(ColdrecError):
    """A training run is not in a state in which this can be done to it."""


class RunCancelledError(RunError):
    """Somebody asked for an end of the run."""


class RunLostError(RunError):
    """Another process has taken the run over, or its row is gone."""


class CatalogueError(ColdrecError):
    """The shop's catalogue adapter gave something that is not an item."""


class OntologyError(ColdrecError):
    """A preset of the knowledge graph is unknown, or says something that cannot be."""


class GraphError(ColdrecError):
    """Something cannot be said to the knowledge graph, or may not be done to it."""


class GraphAwayError(GraphError):
    """The graph server does not answer, or does not let us in; what was to be done can be done later."""


class GraphValueError(GraphError):
    """The graph server answers and refuses what it was given; the same again would be refused again."""


class GraphFenceError(GraphError):
    """Somebody else has taken over writing to the graph since; ``fence`` is the number the server has seen."""

    def __init__(self, message: str, fence: int) -> None:
        super().__init__(message)
        self.fence = fence


class EventError(ColdrecError):
    """An event is malformed. ``code`` is stable, for machines; the message is for people."""

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.code = code
