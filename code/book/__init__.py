"""What builds the book: Sphinx extensions, the quoting tool, the executor."""
