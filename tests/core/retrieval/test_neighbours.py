import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coldrec.core.retrieval import neighbours
from coldrec.core.threads import in_parts


@given(seed=st.integers(0, 1_000), k=st.integers(1, 12), density=st.floats(0, 1))
def test_the_strongest_entries_of_every_row_are_kept_dense_or_sparse(seed, k, density):
    rng = np.random.default_rng(seed)
    full = (rng.standard_normal((7, 9)) * (rng.random((7, 9)) < density)).astype(np.float32)
    dense = neighbours.top_entries(lambda a, b: full[a:b], 7, 9, k)
    thin = neighbours.top_entries(lambda a, b: sparse.csr_array(full[a:b]), 7, 9, k)
    np.testing.assert_array_equal(dense.toarray(), thin.toarray())
    for row, kept in zip(full, dense.toarray(), strict=True):
        assert (kept != 0).sum() == min(k, (row != 0).sum())
        if (kept != 0).any():
            assert np.abs(kept[kept != 0]).min() >= np.abs(row[kept == 0]).max(initial=0)
        np.testing.assert_array_equal(kept[kept != 0], row[kept != 0])


def test_blocks_do_not_change_the_result(monkeypatch):
    full = np.random.default_rng(0).standard_normal((50, 40)).astype(np.float32)
    whole = neighbours.top_entries(lambda a, b: full[a:b], 50, 40, 5)
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 120)
    cut = neighbours.top_entries(lambda a, b: full[a:b], 50, 40, 5)
    np.testing.assert_array_equal(whole.toarray(), cut.toarray())


def test_an_empty_matrix_has_no_neighbours():
    assert neighbours.top_entries(lambda a, b: np.zeros((b - a, 0), np.float32), 0, 0, 3).shape == (0, 0)


def test_parts_come_back_in_order_and_an_error_comes_through():
    assert in_parts(lambda n: n * n, range(20)) == [n * n for n in range(20)]

    def fails(n):
        raise ValueError(f"part {n}")

    with pytest.raises(ValueError, match="part 0"):
        in_parts(fails, [0])
