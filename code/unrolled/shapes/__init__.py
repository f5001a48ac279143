"""Chapter 6: shapes of sequence problems, and sequences of unequal length."""
