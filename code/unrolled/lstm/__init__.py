"""Chapter 4: long short-term memory."""
