"""The parts of the speed benchmark; each measures one thing and says what was aimed at."""
