"""Chapter 2: backpropagation through time, whole and truncated."""
