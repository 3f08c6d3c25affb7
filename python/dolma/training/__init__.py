"""Training classifiers: documents become a training file, a model, a report on what was held out, and
a card that says all of it."""
