"""Chapter 1: the recurrent cell, and a network that spells hello."""
