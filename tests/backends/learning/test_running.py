"""A run that is killed, cancelled or short of memory ends where it would have ended."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from coldrec.core.errors import EncoderError, RunCancelledError
from coldrec.core.training.language.recipe import Recipe
from tests.backends.learning import corpora, killing
from tests.backends.learning.watching import Watched
from tests.encoders import needs

pytestmark = pytest.mark.apart

STEPS = 8


@pytest.fixture(autouse=True)
def there():
    needs("torch", "transformers", "accelerate", "peft", "sentence_transformers")


def recipe_of(base, **changes):
    told = {"base": str(base), "mask_steps": STEPS, "pair_steps": STEPS, "batch": 8, "mini_batch": 4, "length": 24}
    return Recipe.of({**told, "rate": 1e-3, "checkpoint_minutes": 0.0, **changes})


def stage(base, **changes):
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.learning import methods
    from coldrec.backends.learning.pairs import Pairs
    from coldrec.backends.learning.train import tokenizer_of

    recipe = recipe_of(base, **changes)
    source = Source.find(str(base))
    return Pairs(methods.learner(source, recipe), corpora.translations(), tokenizer_of(source, recipe)), recipe


def learned(stage):
    return {name: weight.detach().numpy().copy() for name, weight in stage.module.named_parameters()}


def run(stage, recipe, folder, watch=None):
    from coldrec.backends.learning import running

    return running.run(stage, recipe, folder, watch or Watched())


@pytest.fixture(scope="module")
def unbroken(tiny_folder, tmp_path_factory):
    pairs, recipe = stage(tiny_folder)
    watch = Watched()
    assert run(pairs, recipe, tmp_path_factory.mktemp("unbroken"), watch) == STEPS
    return learned(pairs), watch


def test_killed_at_ten_random_steps_it_ends_as_if_it_never_was(tiny_folder, tmp_path):
    """Eight are killed at the end of a step, before it is kept, and two at any moment, which may be while it is."""
    from safetensors.numpy import load_file

    recipe, chance = recipe_of(tiny_folder, mask_steps=20, pair_steps=20), random.Random(5)
    whole = killing.start(recipe, tmp_path / "whole", tmp_path / "whole.log")
    log, folder = tmp_path / "log", tmp_path / "killed"
    deaths = []
    for attempt in range(10):
        process = killing.start(recipe, folder, log, last=0 if attempt in (2, 6) else chance.randint(1, 3))
        if attempt in (2, 6):
            before = lines(log)
            while lines(log) == before and process.is_alive():
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
        process.join(120)
        deaths.append(process.exitcode)
        assert not (folder / "card.json").exists()
        assert not (folder / "model").exists()
    assert deaths == [-9] * 10
    for process in (killing.start(recipe, folder, log), whole):
        process.join(120)
        assert process.exitcode == 0
    assert not (folder / "work").exists()
    steps = log.read_text().splitlines()
    assert set(steps) == {f"{name} {at}" for name in ("masked tokens", "pairs") for at in range(1, 21)}
    assert len(steps) <= 40 + 10  # a death costs one step
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def lines(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_checkpoint_that_was_not_written_whole_is_passed_over(tiny_folder, unbroken, tmp_path):
    pairs, recipe = stage(tiny_folder)
    with pytest.raises(RunCancelledError):
        run(pairs, recipe, tmp_path, Watched(cancel_at=5))
    shutil.copytree(tmp_path / "checkpoint-5", tmp_path / "checkpoint-6")
    (tmp_path / "checkpoint-6" / "whole").unlink()
    (tmp_path / "checkpoint-6" / "weights.safetensors").write_bytes(b"half")
    again, _ = stage(tiny_folder)
    watch = Watched()
    assert run(again, recipe, tmp_path, watch) == STEPS
    assert [step for _, step, *_ in watch.steps] == list(range(6, STEPS + 1))
    ended = learned(again)
    assert all(np.array_equal(ended[name], weight) for name, weight in unbroken[0].items())


def test_what_is_done_is_not_done_again(tiny_folder, tmp_path):
    pairs, recipe = stage(tiny_folder, pair_steps=2)
    run(pairs, recipe, tmp_path)
    again, _ = stage(tiny_folder, pair_steps=2)
    watch = Watched()
    assert run(again, recipe, tmp_path, watch) == 2
    assert watch.steps == []
    ended = learned(pairs)
    assert all(np.array_equal(weight, ended[name]) for name, weight in learned(again).items())


def test_cancelled_it_keeps_what_was_done_and_says_where(tiny_folder, tmp_path):
    pairs, recipe = stage(tiny_folder, checkpoint_minutes=60.0)
    with pytest.raises(RunCancelledError, match="in its stage pairs, at step 3"):
        run(pairs, recipe, tmp_path, Watched(cancel_at=3))
    assert (tmp_path / "checkpoint-3" / "whole").exists()


def test_two_checkpoints_are_kept(tiny_folder, tmp_path):
    pairs, recipe = stage(tiny_folder, pair_steps=5)
    run(pairs, recipe, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-5"]


def test_every_step_is_told(unbroken):
    _, watch = unbroken
    assert [(stage, step, steps) for stage, step, steps, *_ in watch.steps] == [
        ("pairs", step, STEPS) for step in range(1, STEPS + 1)
    ]
    assert all(loss > 0 and rate > 0 for *_, loss, rate in watch.steps)


class Narrow:
    """A stage on a device that has room for so many texts at once."""

    def __init__(self, stage, room, error):
        self._stage, self._room, self._error = stage, room, error

    def __getattr__(self, name):
        return getattr(self._stage, name)

    def backward(self, module, inputs, mini, back):
        told = self._stage.backward(module, inputs, mini, back)  # a part of the gradients is there already
        if mini > self._room:
            raise self._error
        return told


def still(stage):
    """Without dropout, whose numbers are drawn part by part, so that parts of another size would draw others."""
    import torch

    for module in stage.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return stage


def test_short_of_memory_it_goes_on_with_half_as_many_at_once(tiny_folder, tmp_path):
    import torch

    wide, watches = Watched(), Watched()
    pairs, recipe = stage(tiny_folder, mini_batch=8, pair_steps=5)
    run(still(pairs), recipe, tmp_path / "wide", wide)
    pairs, _ = stage(tiny_folder, mini_batch=8, pair_steps=5)
    run(Narrow(still(pairs), 2, torch.OutOfMemoryError("CUDA out of memory.")), recipe, tmp_path / "narrow", watches)
    assert watches.told == [
        "pairs: out of memory; 4 texts at once from here on",
        "pairs: out of memory; 2 texts at once from here on",
    ]
    # What the failed attempts had worked out counts for nothing.
    assert [loss for *_, loss, _ in watches.steps] == pytest.approx([loss for *_, loss, _ in wide.steps], rel=1e-3)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: out of memory"),
        MemoryError(),
    ],
    ids=str,
)
def test_want_of_memory_is_known_however_a_device_says_it(error):
    from coldrec.backends.learning.running import is_out_of_memory

    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_without_room_for_one_text_it_ends(tiny_folder, tmp_path):
    pairs, recipe = stage(tiny_folder, mini_batch=2)
    with pytest.raises(EncoderError, match="not even one text of 24 tokens fits the memory"):
        run(Narrow(pairs, 0, MemoryError()), recipe, tmp_path)


def test_another_error_is_not_taken_for_want_of_memory(tiny_folder, tmp_path):
    pairs, recipe = stage(tiny_folder)
    with pytest.raises(RuntimeError, match="odd"):
        run(Narrow(pairs, 0, RuntimeError("odd")), recipe, tmp_path)


def test_half_precision_and_recomputed_layers_learn_as_well(tiny_folder, unbroken, tmp_path):
    pairs, recipe = stage(tiny_folder, precision="bfloat16", gradient_checkpointing=True)
    watch = Watched()
    run(pairs, recipe, tmp_path, watch)
    assert watch.steps[-1][3] == pytest.approx(unbroken[1].steps[-1][3], rel=0.2)
    assert all(str(weight.dtype) == "torch.float32" for weight in pairs.module.parameters())


def test_nothing_is_printed_and_tensorboard_has_the_curve(tiny_folder, tmp_path, capfd):
    pairs, recipe = stage(tiny_folder, pair_steps=3)
    from coldrec.backends.learning import running

    capfd.readouterr()
    running.run(pairs, recipe, tmp_path / "work", Watched(), logs=tmp_path / "logs")
    assert capfd.readouterr().out == ""
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in found.Scalars("train/loss")] == [1, 2, 3]
