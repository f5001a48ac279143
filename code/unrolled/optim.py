"""Optimizers in NumPy. Each changes the arrays of ``params`` in place."""


class SGD:
    """Gradient descent: every parameter takes a step against its gradient.

    Args: params {name: array}; learning_rate, the length of a step per unit of gradient.
    """

    def __init__(self, params, learning_rate):
        if not learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {learning_rate!r}")
        self.params = params
        self.learning_rate = learning_rate

    def step(self, grads):
        """Update every parameter. Args: grads {name: array}, the same names and shapes."""
        for name, param in self.params.items():
            param -= self.learning_rate * grads[name]
