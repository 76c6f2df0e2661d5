"""The parts of the screen Audit."""
