"""What a network has to beat.

For language models, in bits per character of text that they never saw: n-grams that fall back on
shorter ones, a compressor, and a hidden Markov model. For classifiers of words: a linear one.

Sources: Witten, Bell 1991, The zero-frequency problem (method C); Rabiner 1989, A tutorial on
hidden Markov models.
"""

import bz2
import math
from collections import Counter

import numpy as np
from hmmlearn.hmm import CategoricalHMM
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

from unrolled.metrics import bits
from unrolled.nn import check_positive, check_size, check_tokens


class NGram:
    """Counts what follows each context of up to order - 1 characters, and mixes all lengths.

    P(c | h) = (n(hc) + kinds(h) P(c | h')) / (n(h) + kinds(h)): n counts in the training text,
    kinds(h) is how many different characters followed h, and h' is h without its first one.
    Below the empty context all characters are equally likely, an unseen one included.

    Args: train, a string; order, 1 looks at no context, 2 at one character, …
    Source: Witten and Bell 1991; interpolated, as Chen and Goodman 1999 do.
    """

    def __init__(self, train, order):
        self.order = check_size("order", order)
        self.alphabet = sorted(set(train))
        self.count, self.total, self.kinds = Counter(), Counter(), Counter()
        for n in range(1, order + 1):
            self.count.update(train[i : i + n] for i in range(len(train) - n + 1))
        for gram, times in self.count.items():
            self.total[gram[:-1]] += times
            self.kinds[gram[:-1]] += 1

    def probability(self, character, context):
        """How likely is a character after a text? All that is unseen counts as one character."""
        p = 1 / (len(self.alphabet) + 1)
        for n in range(min(self.order, len(context) + 1)):
            h = context[len(context) - n :]
            if h not in self.total:  # then no longer context was seen either
                break
            times, kinds = self.count[h + character], self.kinds[h]
            p = (times + kinds * p) / (self.total[h] + kinds)
        return p

    def bits(self, text):
        """Mean surprise at a text, in bits per character."""
        if not text:
            raise ValueError("the text is empty, expected at least one character")
        reach = self.order - 1
        surprises = (
            math.log2(self.probability(text[i], text[max(0, i - reach) : i]))
            for i in range(len(text))
        )
        return -sum(surprises) / len(text)


def ngram_bits(train, test, order):
    """Bits per character of a test text under n-grams counted in a training text."""
    return NGram(train, order).bits(test)


def bz2_bits(train, test):
    """Bits per character that a test text adds to a compressed training text.

    bz2 works on blocks of 900 kB: of a longer training text, only the end can help.
    """
    if not test:
        raise ValueError("the text is empty, expected at least one character")

    def size(text):
        return len(bz2.compress(text.encode()))

    return 8 * (size(train + test) - size(train)) / len(test)


def fit_hmm(tokens, vocab_size, states, iterations, rng, *, pseudocount=0.01):
    """Train a hidden Markov model by EM, from random probabilities.

    Args: tokens (N, T), or one row (T,); rng, a numpy Generator; pseudocount, added to every
    expected count, so that nothing is impossible.
    Returns: (a CategoricalHMM, the losses before each iteration in nats per character).
    Raises: RuntimeError if an iteration makes text and prior less likely, which EM never does.
    Source: Rabiner 1989, section III.C; the pseudocount is a Dirichlet prior.
    """
    S, V = check_size("states", states), check_size("vocab_size", vocab_size)
    tokens = np.atleast_2d(check_tokens(tokens, V))
    if not tokens.size or not pseudocount > 0:
        raise ValueError(
            "expected at least one token and a pseudocount above 0, "
            f"got tokens of shape {tokens.shape}, pseudocount {pseudocount}"
        )
    symbols, lengths = tokens.reshape(-1, 1), np.full(len(tokens), tokens.shape[1])
    model = CategoricalHMM(
        S,
        startprob_prior=1 + pseudocount,  # all three are Dirichlet's alpha
        transmat_prior=1 + pseudocount,
        emissionprob_prior=1 + pseudocount,
        n_features=V,
        n_iter=1,  # each call of fit is one iteration, and goes on
        init_params="",  # from where the last one ended
        implementation="scaling",
    )
    model.startprob_ = rng.dirichlet(np.ones(S))  # (S,)
    model.transmat_ = rng.dirichlet(np.ones(S), S)  # (S, S)
    model.emissionprob_ = rng.dirichlet(np.ones(V), S)  # (S, V)
    losses, reached = [], -np.inf
    for _ in tqdm(range(check_size("iterations", iterations)), desc=f"EM, {S} states"):
        parameters = model.startprob_, model.transmat_, model.emissionprob_
        log_prior = pseudocount * sum(np.log(p).sum() for p in parameters)
        model.fit(symbols, lengths)
        log_likelihood = model.monitor_.history[0]  # before this iteration
        if log_likelihood + log_prior < reached - 1e-9 * abs(reached):
            raise RuntimeError(f"EM fell from {reached} to {log_likelihood + log_prior}")
        reached = log_likelihood + log_prior
        losses.append(-log_likelihood / tokens.size)
    return model, losses


def hmm_bits(model, tokens):
    """Mean surprise of a hidden Markov model at a text, in bits per character.

    Args: model, a CategoricalHMM; tokens (T,).
    """
    tokens = check_tokens(tokens, model.n_features)
    if not tokens.size:
        raise ValueError("the text is empty, expected at least one character")
    return bits(-model.score(tokens[:, None]) / len(tokens))


def hmm_filter(model, tokens):
    """What the model knows of its state after each character: P(state | the text so far).

    From row t, the next character is predicted by row @ transmat_ @ emissionprob_.

    Args: model, a CategoricalHMM of S states; tokens (T,). Returns: (T, S), rows sum to 1.
    Source: Rabiner 1989, equations 19 and 20, scaled as in section V.A.
    """
    tokens = check_tokens(tokens, model.n_features)
    states = np.empty((len(tokens), model.n_components))
    prior = model.startprob_
    for t, token in enumerate(tokens):
        joint = prior * model.emissionprob_[:, token]  # (S,)
        states[t] = joint / joint.sum()
        prior = states[t] @ model.transmat_
    return states


def letter_classifier(strength, longest=4):
    """A linear classifier of words by the groups of 1 to ``longest`` letters in them.

    Each group that at least two training words hold is a feature, weighted by how rare it is;
    ``^`` and ``$`` mark where a word begins and ends; every class weighs the same in the loss.

    Args: strength, the inverse of the penalty on large weights (scikit-learn's C).
    Returns: a scikit-learn pipeline, to ``fit(words, classes)`` and ``predict(words)``.
    """
    return make_pipeline(
        TfidfVectorizer(
            preprocessor=marked,
            analyzer="char",
            ngram_range=(1, check_size("longest", longest)),
            min_df=2,
            sublinear_tf=True,
        ),
        LogisticRegression(
            C=check_positive("strength", strength), class_weight="balanced", max_iter=1000
        ),
    )


def marked(word):
    """A word in lower case between ``^`` and ``$``."""
    return f"^{word.lower()}$"
