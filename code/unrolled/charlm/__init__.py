"""Chapter 3: a network that learns to write, character by character."""
