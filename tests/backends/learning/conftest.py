"""The encoders that the tests of engines use: the tiny untrained one and the demo's real one."""

from tests.backends.encoders.conftest import english, tiny, tiny_folder

__all__ = ["english", "tiny", "tiny_folder"]
