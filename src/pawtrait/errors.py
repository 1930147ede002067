"""Every error raised on purpose; each message says where, what was expected, what came, and what to do.

PawtraitError
├── BadParams    params.yaml: a misspelt key, a value out of range
├── BadSource    a source of pictures that is missing, unsafe or unreadable
├── BadImage     one picture that cannot be decoded or is out of bounds
├── BadData      a data set that cannot be used as a whole
├── BadWeights   pretrained weights that are missing or damaged
├── BadTraining  a training that cannot go on: losses that are no numbers, no memory left
├── BadModel     a model directory that is missing, damaged or of another kind
├── BadRegistry  the tracking store or registry lacks what was asked for
├── BadStore     the store of requests and feedback cannot be reached or used
└── BadFeedback  feedback that cannot be used as it came
"""


class PawtraitError(Exception):
    """Something a person can mend; the command line prints it on one line and exits with 2."""


class BadParams(PawtraitError):
    """params.yaml has a key or a value that cannot be used."""


class BadSource(PawtraitError):
    """The source of pictures is missing, unsafe or cannot be read."""


class BadImage(PawtraitError):
    """One picture cannot be decoded or is out of bounds."""


class BadData(PawtraitError):
    """The data set as a whole cannot be used."""


class BadWeights(PawtraitError):
    """Pretrained weights are missing or damaged."""


class BadTraining(PawtraitError):
    """A training that cannot go on."""


class BadModel(PawtraitError):
    """A model directory is missing, damaged or of another kind."""


class BadRegistry(PawtraitError):
    """The tracking store or the registry lacks what was asked for."""


class BadStore(PawtraitError):
    """The store of requests, feedback and decisions cannot be reached or used."""


class BadFeedback(PawtraitError):
    """Feedback cannot be used as it came."""
