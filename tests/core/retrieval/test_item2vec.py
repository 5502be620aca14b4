import numpy as np
from scipy import sparse

from coldrec.core.encoders.pieces import unit
from coldrec.core.retrieval.item2vec import item2vec


def sessions(visitors=300, seed=0):
    """Two tastes of 20 items each; nobody takes of both."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((visitors, 42), np.float32)
    for visitor in range(visitors):
        matrix[visitor, visitor % 2 * 20 + rng.choice(20, 5, replace=False)] = 1
    matrix[0, 40] = 1  # one visitor's; nobody took the last
    return sparse.csr_array(matrix)


def test_items_of_one_taste_lie_together():
    vectors = unit(item2vec(sessions(), size=8, k=50, seed=0))
    like = vectors[:40] @ vectors[:40].T
    assert like[:20, :20].mean() > like[:20, 20:].mean() + 0.5
    assert vectors[40, :] @ vectors[:20].mean(axis=0) > vectors[40] @ vectors[20:40].mean(axis=0)
    assert not vectors[41].any()
    shuffled = sessions().toarray()
    for column in shuffled.T:
        np.random.default_rng(int(column.sum())).shuffle(column)
    control = unit(item2vec(sparse.csr_array(shuffled), size=8, k=50, seed=0))
    like = control[:40] @ control[:40].T
    assert abs(like[:20, :20].mean() - like[:20, 20:].mean()) < 0.2


def test_the_same_seed_gives_the_same_vectors_and_little_data_gives_few():
    assert np.array_equal(item2vec(sessions(), size=8, k=50, seed=1), item2vec(sessions(), size=8, k=50, seed=1))
    for nothing in (np.zeros((3, 4)), np.eye(4), np.eye(4)[:1]):
        vectors = item2vec(sparse.csr_array(nothing.astype(np.float32)), size=8, k=5, seed=0)
        assert vectors.shape == (4, 1) and not vectors.any()
    assert item2vec(sparse.csr_array(np.ones((3, 4), np.float32)), size=8, k=5, seed=0).shape == (4, 3)
