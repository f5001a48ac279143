"""The code of the book *Unrolled: recurrent networks three ways*.

Importing this package does nothing: it imports no framework, sets no seed and touches no
setting. Each chapter has a folder with ``numpy.py``, ``keras.py`` and ``torch.py``.
"""
