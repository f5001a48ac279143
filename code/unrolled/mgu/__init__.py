"""Chapter 5: the minimal gated unit, a cell of our own in each framework."""
