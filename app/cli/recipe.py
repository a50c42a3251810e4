"""``mdjpt recipe``: from open data to a model with its card, step by step, from one file."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from pydantic import Field
from pydantic.dataclasses import dataclass

from app.cli.data import fetch_data, prepare_data, prepare_into_store
from app.cli.evaluate import evaluate_few_shot
from app.cli.options import output_folder
from app.cli.progress import shown_progress
from mdjpt.errors import MdjptError, one_line
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.regular_file import regular_bytes
from mdjpt.guard.schema import STRICT, checked

if TYPE_CHECKING:
    from mdjpt.training.config import PretrainConfig

__all__ = ["Recipe", "read_recipe", "recipe_cli", "run_recipe"]

Step = Literal["fetch", "prepare", "pretrain", "evaluate", "bundle"]
MAX_BYTES = 1 << 20

recipe_cli = typer.Typer(help="Make a model from open data, as a file says.", no_args_is_help=True)


@dataclass(frozen=True, slots=True, config=STRICT)
class RecipeData:
    """One dataset of a recipe."""

    name: str
    """As ``data fetch`` knows it; also the name of its store."""
    simulated: str
    """Simulated dataset that stands in for it in a smoke run."""
    reader: str = ""
    """As ``data prepare`` knows it; the dataset's own by default."""
    subjects: str = ""
    """Which to fetch, ``1-5``; all by default."""
    options: tuple[str, ...] = ()
    """KEY=VALUE of the reader."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Recipe:
    """What a recipe's file says."""

    title: str
    data: Annotated[tuple[RecipeData, ...], Field(min_length=1)]
    hours: dict[Step, Annotated[float, Field(ge=0)]]
    """Of two cores, by step."""
    memory_gib: Annotated[float, Field(gt=0)]
    pretrain: dict[str, Any] = field(default_factory=dict)
    """As a file of ``mdjpt pretrain``, without its datasets."""
    smoke: dict[str, Any] = field(default_factory=dict)
    """Tables that take the place of those of `pretrain` in a smoke run."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A recipe at work in a folder."""

    recipe: Recipe
    file: Path
    out: Path
    smoke: bool

    def raw(self, data: RecipeData) -> Path:
        return self.out / "raw" / data.name

    def store(self, data: RecipeData) -> Path:
        return self.out / "stores" / data.name

    @property
    def pretrained(self) -> Path:
        return self.out / "pretrain" / "model.safetensors"

    def config(self) -> PretrainConfig:
        """Return the settings of the pre-training; MdjptError names a wrong one."""
        from mdjpt.training.config import config_of

        tables = self.recipe.pretrain | (self.recipe.smoke if self.smoke else {})
        stores = [{"path": str(self.store(data))} for data in self.recipe.data]
        config = config_of({**copy.deepcopy(tables), "dataset": stores}, self.file)
        return replace(
            config, datasets=tuple(replace(c, path=Path(c.path)) for c in config.datasets)
        )


@recipe_cli.command("run")
def run_recipe(
    file: Annotated[Path, typer.Argument(help="Recipe (.toml).")],
    *,
    out: Annotated[
        Path,
        typer.Option(help="Folder for data, stores, training and model.", callback=output_folder),
    ],
    step: Annotated[Step | None, typer.Option(help="Only this one; all by default.")] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try every step in a minute, on simulated people.")
    ] = False,
) -> int:
    """Fetch, prepare, pretrain, evaluate, bundle; a run that was interrupted goes on."""
    from mdjpt.guard.extras import check_training_extra

    check_training_extra("pyarrow")
    run = _Run(read_recipe(file), file, out / "smoke" if smoke else out, smoke)
    run.config()  # a mistake in the file is told before hours of work
    for name in get_args(Step):
        if step not in (None, name):
            continue
        hours = run.recipe.hours.get(name, 0.0)
        about = "smoke run" if smoke else f"about {hours:g} h" if hours else "minutes"
        typer.echo(f"== {name}: {run.recipe.title} ({about})")
        _STEPS[name](run)
    return 0


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; MdjptError names file and key of what is wrong."""
    text = regular_bytes(path, MAX_BYTES, MdjptError, "recipe")
    try:
        content = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise MdjptError(f"{path}: no TOML: {one_line(error)}") from None
    return checked(Recipe, content, path, MdjptError)


def _fetch(run: _Run) -> None:
    for data in run.recipe.data:
        if run.smoke:
            typer.echo(f"{data.name}: nothing fetched, {data.simulated} stands in for it")
        else:
            fetch_data(data.name, out=run.raw(data), subjects=data.subjects)


def _prepare(run: _Run) -> None:
    for data in run.recipe.data:
        if run.smoke:
            _simulate(data, run.store(data))
        else:
            prepare_data(
                data.reader or data.name,
                raw=run.raw(data),
                out=run.store(data),
                options=list(data.options),
            )


def _simulate(data: RecipeData, out: Path) -> None:
    """Prepare four people of a few short trials; without the costly search for eyes and muscles."""
    from mdjpt.simulation import SimulatedDataset, preset_corpus

    try:
        (preset,) = preset_corpus(data.simulated, n_subjects=4)
    except ValueError as error:
        raise MdjptError(f"{data.name}: {error}") from None
    small = replace(
        preset, name=f"{data.name}, simulated", n_sessions=1, n_trials=9, trial_s=(15.0, 15.0)
    )
    prepare_into_store(SimulatedDataset(small), out, ica=False, jobs=1, reports=False)


def _pretrain(run: _Run) -> None:
    from mdjpt.training.run import pretrain

    config = run.config()
    with shown_progress("step", every_s=30.0) as show:
        pretrain(
            config,
            run.pretrained.parent,
            resume=True,
            on_step=lambda report: show(
                report.step + 1, config.optimiser.n_steps, f"loss {report.loss:.3f}"
            ),
        )
    typer.echo(run.pretrained)


def _evaluate(run: _Run) -> None:
    for data in run.recipe.data:
        evaluate_few_shot(
            run.store(data),
            out=run.out / "reports" / data.name,
            models=[run.pretrained],
            entropy=True,
            n_folds=2 if run.smoke else 6,
        )


def _bundle(run: _Run) -> None:
    """Add the head that everybody shares, measure it, and write the model with its card."""
    from mdjpt.bundle.bundle import load_bundle, save_bundle
    from mdjpt.bundle.model_card import card_markdown, missing_facts
    from mdjpt.evaluation.shared_head import with_shared_head
    from mdjpt.store.store import open_store

    stores = [open_store(run.store(data)) for data in run.recipe.data]
    with shown_progress("window", every_s=30.0) as show:
        bundle = with_shared_head(load_bundle(run.pretrained), stores, on_encoded=show)
    path = run.out / "model.safetensors"
    saved = save_bundle(path, bundle)
    card = card_markdown(saved, run.recipe.title)
    write_file(path.with_suffix(".md"), card.encode())
    typer.echo(card)
    if missing := missing_facts(saved):
        raise MdjptError(f"{path}: its card lacks {', '.join(missing)}")
    typer.echo(f"{path}: mdjpt model add {path} --name NAME makes it --model NAME")


_STEPS: dict[Step, Callable[[_Run], None]] = {
    "fetch": _fetch,
    "prepare": _prepare,
    "pretrain": _pretrain,
    "evaluate": _evaluate,
    "bundle": _bundle,
}
