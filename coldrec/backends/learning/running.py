"""Goes through the steps of a stage by transformers' Trainer: resumed, watched, cancelled, and within the memory.

What is read in a step is a function of the seed and the step, checkpoints hold the weights that learn with the
optimiser's state and the random numbers', and one counts only if it was written whole. So a run that is killed anywhere
ends with the weights that it would have had.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from coldrec.backends.encoders.torch import quietly, require
from coldrec.core.errors import EncoderError, RunCancelledError
from coldrec.core.protocols import Watch
from coldrec.core.training.language.recipe import Recipe

WEIGHTS, WHOLE = "weights.safetensors", "whole"
KEPT = 2  # checkpoints
LOGGED = 200  # points that a stage writes to TensorBoard


class Stage(Protocol):
    """What there is to learn: ``coldrec.backends.learning.mlm`` and ``pairs``."""

    name: str
    steps: int
    module: Any
    learner: Any

    def groups(self) -> list[dict[str, Any]]: ...  # as torch's optimisers take them; "waits": share of the steps

    def batch(self, step: int) -> list[Any]: ...

    def tensors(self, batch: list[Any], step: int) -> dict[str, Any]: ...

    def backward(self, module: Any, inputs: dict[str, Any], mini: int, back: Callable[[Any], None]) -> Any: ...


def run(stage: Stage, recipe: Recipe, folder: Path, watch: Watch, *, logs: Path | None = None) -> int:
    """Go through the steps of the stage, or those that are left; how many it has behind it in the end, all of them.

    ``folder`` holds its checkpoints, and nobody else's. The weights that learn are changed where they are.

    Raises
    ------
    RunCancelledError : the watch wants no more; a checkpoint was written.
    EncoderError : not even one text fits the memory.
    """
    last = _last(folder)
    if last is not None and _step(last) >= stage.steps:
        _take_over(stage.module, last)
        return stage.steps
    with quietly(), _told_to(logs):
        trainer = _trainer(stage, recipe, folder, watch)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    if trainer.is_cancelled:
        raise RunCancelledError(
            f"The run was cancelled in its stage {stage.name}, at step {trainer.state.global_step}."
        )
    return int(trainer.state.global_step)


def device_of(recipe: Recipe) -> tuple[str, bool]:
    """Where training happens, and whether it does in bfloat16."""
    torch, _ = require()
    is_gpu = torch.cuda.is_available()
    half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and is_gpu and torch.cuda.is_bf16_supported())
    return ("cuda" if is_gpu else "cpu"), bool(half)


def is_first() -> bool:
    """Whether this is the process that writes, where several train together (torchrun)."""
    return os.environ.get("RANK", "0") == "0"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch might do: devices say it in different ways."""
    torch, _ = require()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError)
        and re.search(r"out of memory|can't allocate memory|not enough memory", str(error)) is not None
    )


def _trainer(stage: Stage, recipe: Recipe, folder: Path, watch: Watch) -> Any:
    torch, transformers = require()
    if importlib.util.find_spec("accelerate") is None:
        raise EncoderError("accelerate is not installed; pip install 'django-coldrec[train]'")
    device, half = device_of(recipe)
    processes = int(os.environ.get("WORLD_SIZE", "1"))

    class Steps(torch.utils.data.Dataset):  # type: ignore[name-defined]
        """Row i is the whole batch of one process in one step."""

        def __len__(self) -> int:
            return stage.steps * processes

        def __getitem__(self, row: int) -> tuple[int, list[Any]]:
            return row, stage.batch(row)

    class Following(transformers.TrainerCallback):  # type: ignore[name-defined]
        def __init__(self) -> None:
            self.saved = self.stepped = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            now = time.monotonic()
            took, self.stepped = now - self.stepped, now
            step, rate = state.global_step, trainer.size * processes / max(took, 1e-9)
            if is_first():
                watch.stepped(stage.name, step, stage.steps, float(trainer.loss), rate)
            is_due = now - self.saved >= 60 * recipe.checkpoint_minutes or step >= stage.steps
            is_due, is_cancelled = self.agreed(is_due, watch.is_cancelled() and step < stage.steps)
            if is_due:
                control.should_save, self.saved = True, now
            if is_cancelled:
                control.should_save = control.should_training_stop = True
                trainer.is_cancelled = True

        def agreed(self, *answers: bool) -> list[bool]:
            """What the first process says: where one stops, the others would wait for it."""
            if processes == 1:
                return list(answers)
            told = torch.tensor(answers, dtype=torch.int, device=trainer.args.device)
            torch.distributed.broadcast(told, 0)
            return [bool(answer) for answer in told.tolist()]

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if is_first():
                place = folder / f"checkpoint-{state.global_step}"
                _sync(place)
                (place / WHOLE).touch()
                for old in sorted(_whole(folder), key=_step)[:-KEPT]:
                    shutil.rmtree(old, ignore_errors=True)

    class Trainer(transformers.Trainer):  # type: ignore[name-defined]
        is_cancelled = False
        loss: Any = 0.0
        size = 0  # texts or pairs of the last step
        mini = recipe.mini_batch

        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)

        def training_step(self, model: Any, inputs: Any, *_: Any) -> Any:
            model.train()
            self.size = inputs.pop("size")
            inputs = self._prepare_inputs(inputs)
            while True:
                try:
                    with self.compute_loss_context_manager():
                        self.loss = stage.backward(model, inputs, self.mini, self.accelerator.backward)
                    return self.loss
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    model.zero_grad(set_to_none=True)
                    self._smaller()

        def _smaller(self) -> None:
            if processes > 1:
                raise EncoderError(
                    f"{self.mini} texts of {recipe.length} tokens do not fit the memory of one of {processes} devices; "
                    "choose a smaller mini_batch: several processes cannot change it on the way"
                )
            if self.mini == 1:
                raise EncoderError(
                    f"not even one text of {recipe.length} tokens fits the memory of this {device}; choose a smaller "
                    "model or length, or gradient_checkpointing"
                )
            self.mini //= 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            watch.said(f"{stage.name}: out of memory; {self.mini} texts at once from here on")

        def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
            if is_first():
                place = Path(output_dir or folder)
                place.mkdir(parents=True, exist_ok=True)
                _write(stage.module, place)

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            _take_over(stage.module, Path(resume_from_checkpoint))

    def read(rows: list[tuple[int, list[Any]]]) -> dict[str, Any]:
        row, batch = rows[0]
        return {**stage.tensors(batch, row), "size": len(batch)}

    stage.module.to(device)
    if recipe.gradient_checkpointing:
        net = stage.learner.net
        net.gradient_checkpointing_enable({"use_reentrant": False})
    groups = stage.groups()
    rates = [_rates(stage.steps, group.pop("waits", 0.0), recipe.warm_up) for group in groups]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rates)
    trainer = Trainer(
        model=stage.module,
        args=transformers.TrainingArguments(
            output_dir=str(folder),
            max_steps=stage.steps,
            per_device_train_batch_size=1,  # a row is a batch already
            save_strategy="no",  # when to is decided below
            logging_steps=max(1, stage.steps // LOGGED),
            report_to=_reports(recipe),
            run_name=f"coldrec {stage.name}",
            bf16=half,
            use_cpu=device == "cpu",
            seed=recipe.seed,
            data_seed=recipe.seed,
            disable_tqdm=True,
            remove_unused_columns=False,
            ddp_find_unused_parameters=processes > 1,
            dataloader_pin_memory=False,
            max_grad_norm=1.0,
        ),
        train_dataset=Steps(),
        data_collator=read,
        optimizers=(optimiser, schedule),
        callbacks=[Following()],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _rates(steps: int, waits: float, warm_up: float) -> Callable[[int], float]:
    """The share of its rate that a group has in each step: none while it waits, then up to all of it, then down."""
    begin = int(waits * steps)
    top = begin + max(1, int(warm_up * (steps - begin)))

    def rate(step: int) -> float:
        if step < begin:
            return 0.0
        return (step - begin + 1) / (top - begin) if step < top else max(0.0, (steps - step) / max(1, steps - top))

    return rate


def _reports(recipe: Recipe) -> list[str]:
    told = ["tensorboard"] if importlib.util.find_spec("tensorboard") else []
    if recipe.wandb:
        if importlib.util.find_spec("wandb") is None:
            raise EncoderError("wandb is not installed; pip install wandb, or leave it out of the recipe")
        told.append("wandb")
    return told


# Checkpoints ------------------------------------------------------------------------------------------------------


def _whole(folder: Path) -> list[Path]:
    return [path for path in folder.glob("checkpoint-*") if (path / WHOLE).exists()]


def _last(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole; what a kill has left of others goes."""
    for path in folder.glob("checkpoint-*"):
        if not (path / WHOLE).exists():
            shutil.rmtree(path, ignore_errors=True)
    return max(_whole(folder), key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _learned(module: Any) -> dict[str, Any]:
    """What changes in training: weights that learn, and what is kept beside them."""
    own = {name for name, weight in module.named_parameters() if weight.requires_grad}
    own |= {name for name, _ in module.named_buffers()}
    return {name: tensor for name, tensor in module.state_dict().items() if name in own}


def _write(module: Any, folder: Path) -> None:
    from safetensors.torch import save_file

    save_file({n: t.detach().cpu().contiguous().clone() for n, t in _learned(module).items()}, folder / WEIGHTS)


def _take_over(module: Any, checkpoint: Path) -> None:
    from safetensors.torch import load_file

    module.load_state_dict(load_file(checkpoint / WEIGHTS), strict=False)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextlib.contextmanager
def _told_to(logs: Path | None) -> Iterator[None]:
    """TensorBoard writes to ``logs``; it is told by the environment."""
    name = "TENSORBOARD_LOGGING_DIR"
    before = os.environ.get(name)
    if logs is not None:
        os.environ[name] = str(logs)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
