"""How an item's id stands in a path."""


class ItemId:
    """Any text, slashes and line ends too: a shop's own ids are whatever they are.

    A client percent-encodes the id; the server has decoded it before Django sees the path, so an encoded slash
    looks like any other. The fixed end of the path, ``/similar/``, says where the id stops.
    """

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)
