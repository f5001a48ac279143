"""Surnames of fourteen languages, from the lists that the package Faker makes up people with.

A name that stands in the lists of two languages is left out. Source: Faker (MIT license); the
lists are read as they are, nothing is drawn.
"""

import importlib
import unicodedata

from unrolled.data.text import Vocabulary

LOCALES = {
    "Croatian": ["hr_HR"],
    "Czech and Slovak": ["cs_CZ", "sk_SK"],
    "Dutch": ["nl_NL"],
    "English": ["en_GB", "en_US"],
    "Estonian": ["et_EE"],
    "Finnish": ["fi_FI"],
    "French": ["fr_FR"],
    "German": ["de_AT", "de_DE"],
    "Indian": ["en_IN"],
    "Irish": ["ga_IE"],
    "Italian": ["it_IT"],
    "Spanish": ["es_ES", "es_MX"],
    "Swedish": ["sv_SE"],
    "Zulu": ["zu_ZA"],
}
LANGUAGES = tuple(LOCALES)
LISTS = "last_names", "last_names_male", "last_names_female"


def load_surnames():
    """Every surname that belongs to one language alone, and the language.

    Returns: a list of (name, language), the language as its place in LANGUAGES; sorted by name.
    """
    languages = {}
    for language, locales in enumerate(LOCALES.values()):
        for locale in locales:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
            for kind in LISTS:
                for name in getattr(provider, kind, ()):
                    name = unicodedata.normalize("NFC", name.strip())
                    if len(name) > 2:
                        languages.setdefault(name, set()).add(language)
    return sorted((name, min(found)) for name, found in languages.items() if len(found) == 1)


def surname_vocabulary(names):
    """The letters of names, behind the padding. Args: names, strings. Returns: a Vocabulary."""
    return Vocabulary(["·", *sorted(set("".join(names)))])  # token 0 is PAD
