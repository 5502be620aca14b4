"""The parts of the faults benchmark; each does one kind of harm and says what must still hold."""
