"""The learning rate of each epoch: level first, then a straight line to zero."""


def factor(epoch: int, n_epochs: int, n_epochs_decay: int) -> float:
    """What the learning rate is multiplied with in an epoch, counted from 1.

    1 for ``n_epochs``, then falling by equal steps so that it would be 0 in the epoch after the last: Zhu et
    al. 2017, appendix 7.1, by the rule of their implementation.
    """
    return 1.0 - max(0, epoch - n_epochs) / (n_epochs_decay + 1)
