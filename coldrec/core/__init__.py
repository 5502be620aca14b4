"""The pure core: retrieval, ranking, training and evaluation without Django, Celery or a network.

Everything here works on plain values from :mod:`coldrec.core.types` and on numpy arrays.
"""
