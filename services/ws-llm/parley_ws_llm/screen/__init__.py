"""Finds in what a user says the signs of an emergency, by rules and without a model. Pure.

    words      text → words, by sentence
    patterns   the notation of the rule file → phrases, and the phrases of a text
    spelling   a misspelt word → the word of the rule file that was meant
    scopes     which phrases are meant as said: not denied, not long past, not only asked about
    rules      which phrases together are a sign
    screen     all of it
    replies    what is answered, by region

The rules are data (`data/red_flags.toml`, `data/probes.toml`); the method is that of ConText
(Harkema et al. 2009), which finds conditions in clinical notes: words that trigger a scope, and
words that end it.
"""
