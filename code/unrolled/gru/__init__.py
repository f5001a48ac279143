"""Chapter 5: the gated recurrent unit."""
