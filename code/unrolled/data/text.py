"""Letters to integers and back."""

import numpy as np


class Vocabulary:
    """The symbols a model knows, in a fixed order; a token is a symbol's place in it.

    Args: symbols, an iterable of distinct symbols (a string is one of letters).
    Raises: ValueError if there is none, or one stands twice.
    """

    def __init__(self, symbols):
        self.symbols = list(symbols)
        if not self.symbols:
            raise ValueError("a vocabulary needs at least one symbol, got none")
        if len(set(self.symbols)) < len(self.symbols):
            twice = next(s for s in self.symbols if self.symbols.count(s) > 1)
            raise ValueError(f"the symbols of a vocabulary are distinct, {twice!r} stands twice")
        self._token = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self):
        return len(self.symbols)

    def __repr__(self):
        return f"Vocabulary({self.symbols!r})"

    def __contains__(self, symbol):
        return symbol in self._token

    def encode(self, text):
        """One token a letter. Args: text, T letters. Returns: (T,) int64.

        Raises: ValueError for empty text, or a letter outside the vocabulary.
        """
        if not len(text):
            raise ValueError("the text is empty, expected at least one letter")
        for symbol in text:
            if symbol not in self._token:
                raise ValueError(
                    f"{symbol!r} is not in the vocabulary, which has {''.join(self.symbols)!r}"
                )
        return np.array([self._token[symbol] for symbol in text])

    def encode_batch(self, texts):
        """One row a text. Args: N texts of one length T. Returns: (N, T) int64.

        Raises: ValueError if the lengths differ.
        """
        texts = list(texts)
        lengths = sorted({len(text) for text in texts})
        if len(lengths) != 1:
            raise ValueError(f"a batch needs texts of one length, got lengths {lengths}")
        return np.stack([self.encode(text) for text in texts])

    def decode(self, tokens):
        """The text of a row of tokens. Args: tokens (T,). Returns: a string of T symbols.

        Raises: ValueError for a token outside the vocabulary.
        """
        for token in tokens:
            if not 0 <= token < len(self):
                raise ValueError(f"token {token} is outside the vocabulary of {len(self)} symbols")
        return "".join(self.symbols[token] for token in tokens)
