"""`satclip models`: list, describe, fetch and convert models; fit the properties they tell."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_core.errors import require

from ..main import INTERRUPTED
from ..messages import quiet, tell
from ..options import overwrite_option, verbosity_options
from ..progress import progress, quantity

if TYPE_CHECKING:
    from satclip_core.encoder import LocationEncoder
    from satclip_core.models.published import Published

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@click.group("models")
def command() -> None:
    """List, describe, fetch and convert models."""


@command.command("list", short_help="All named models, and whether they are here.")
@click.argument(
    "files", nargs=-1, metavar="[FILE|FOLDER]...", type=click.Path(exists=True, path_type=Path)
)
@json_option
@verbosity_options
def list_command(files: tuple[Path, ...], as_json: bool) -> None:
    """All named models: whether they are here, L, dimensions, effective resolution, size.

    With files or folders those that can be opened: models of this project (.npz), SatCLIP's
    checkpoints (.ckpt), TorchSpatial's and CSP's (.pth.tar); what is wrong with others is told.
    """
    from satclip_core.errors import ModelError
    from satclip_core.models.registry import list_files, list_models

    found, problems = list_files(files) if files else (list_models(), [])
    for problem in problems:
        tell(str(problem))
    if files and not found:
        raise ModelError("none of these files is a model that can be opened")
    entries = [asdict(entry) for entry in found]
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    rows = [("NAME", "STATE", "L", "DIM", "RESOLUTION", "SIZE")]
    for entry in entries:
        rows.append(
            (
                entry["name"],
                entry["state"],
                _or_dash(entry["legendre_polys"]),
                str(entry["dim"]),
                _degrees(entry["resolution_degrees"]),
                _megabytes(entry["size"]),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@command.command("info")
@click.argument("name", metavar="NAME|FILE")
@json_option
@verbosity_options
def info_command(name: str, as_json: bool) -> None:
    """What a model is: architecture, provenance, SHA-256, model card.

    \b
    satclip models info bundled
    satclip models info runs/mine/mine.npz --json
    """
    from satclip_core.models.published import PUBLISHED
    from satclip_core.models.registry import find_model, load_encoder

    published = PUBLISHED.get(name.lower())
    if published is not None and not published.path.exists():
        facts, card = _of_published(published), ""
    else:
        path = find_model(name)
        encoder = load_encoder(name)
        facts, card = _of_encoder(encoder, path), encoder.card
        if published is not None:
            facts.update(_record(published))
    if as_json:
        click.echo(json.dumps({**facts, "card": card}, indent=2, ensure_ascii=False))
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        click.echo(f"{key.ljust(width)}  {_or_dash(value)}")
    if card:
        click.echo(f"\n{card.strip()}")


@command.command("fetch", short_help="Download a published model into the cache.")
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="Fetch again even if it is here.")
@verbosity_options
def fetch_command(name: str, force: bool) -> None:
    """Download a published model into the cache; goes on where an earlier try stopped.

    Proxies are taken from https_proxy and no_proxy; SATCLIP_CACHE names another folder than the
    user's cache, SATCLIP_HUB_URL another server than huggingface.co.

    \b
    satclip models fetch satclip-vit16-l40
    """
    from satclip_core.models.published import PUBLISHED
    from satclip_core.models.registry import fetch

    try:
        with progress(f"fetching {name}", "B") as report:
            record, fresh = fetch(name, force=force, progress=report)
    except KeyboardInterrupt:
        tell(f"Interrupted: satclip models fetch {name} goes on from here")
        click.get_current_context().exit(INTERRUPTED)
    path = PUBLISHED[record.name].path
    if not fresh:
        tell(f"{record.name} is here already and unchanged")
    click.echo(str(path))


@command.command("properties", short_help="Fit the properties that a model tells of places.")
@click.argument("name", metavar="NAME|FILE", default="bundled")
@click.option(
    "--data-root",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the labels; SATCLIP_DATA by default.",
)
@click.option(
    "--definitions",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="YAML",
    help="Which properties, and where their labels lie.  [default: those of the bundled model]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write.  [default: beside the model, where it is found: NAME.properties.npz]",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.md",
    help="Put the table of errors into this text, between the marks of docs/properties.md.",
)
@overwrite_option
@verbosity_options
def properties_command(
    name: str,
    data_root: Path | None,
    definitions: Path | None,
    output: Path | None,
    table: Path | None,
    overwrite: bool,
) -> None:
    """Fit what reads named properties (temperature, land cover, …) from a model's embeddings.

    Writes a small file beside the model, which `satclip describe`, `satclip raster --properties`
    and QGIS then use, and prints how far off each property is at places in blocks that were left
    out. Needs the extra `train` and the files of labels.

    \b
    satclip models properties --data-root DATA --overwrite --table docs/properties.md
    satclip models properties mine.npz --data-root DATA --definitions mine.yaml
    """
    require("yaml", extra="train", purpose="satclip models properties")
    from satclip_training.export.heads import DEFINITIONS, fit_properties, heads_table, put_table

    with progress("fitting properties", "properties") as report:
        heads, path = fit_properties(
            name,
            definitions=definitions or DEFINITIONS,
            data_root=data_root,
            output=output,
            overwrite=overwrite,
            progress=report,
        )
    text = heads_table(heads.facts)
    click.echo(text)
    if table is not None:
        put_table(table, text)
    tell(f"{path}: {len(heads.heads)} properties, {quantity(path.stat().st_size, 'B')}")


@command.command("convert", short_help="Write a model as a small .npz of this project.")
@click.argument("source", metavar="NAME|IN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "float64"]),
    default="float32",
    show_default=True,
    help="Of the stored weights.",
)
@overwrite_option
@verbosity_options
def convert_command(source: str, target: Path, dtype: str, overwrite: bool) -> None:
    """Write a model, e.g. a published .ckpt, as an .npz of this project: small, no pickle.

    \b
    satclip models convert epoch=10.ckpt mine.npz
    satclip models convert satclip-vit16-l40 small.npz --dtype float16
    """
    from satclip_core.files import check_target
    from satclip_core.models.model_file import write_model
    from satclip_core.models.registry import load_encoder

    if target.suffix.lower() != ".npz":
        raise click.UsageError(f"{target} must end in .npz")
    check_target(target, overwrite=overwrite)
    encoder = load_encoder(source)
    write_model(target, encoder, dtype=dtype, overwrite=overwrite)
    click.echo(str(target))
    if not quiet():
        tell(f"{target}: {quantity(target.stat().st_size, 'B')}, {dtype} weights of {encoder.name}")


def _of_published(model: Published) -> dict[str, Any]:
    return {
        "name": model.name,
        "state": f"not fetched (satclip models fetch {model.name})",
        "url": model.url,
        "revision": model.revision,
        "legendre_polys": model.legendre_polys,
        "dim": model.dim,
        "effective_resolution_degrees": 180 / (2 * model.legendre_polys),
        "size": model.size,
        "sha256": model.sha256,
    }


def _of_encoder(encoder: LocationEncoder, path: Path) -> dict[str, Any]:
    count = sum(value.size for value in encoder.weights.values())
    facts: dict[str, Any] = {
        "name": encoder.name,
        "path": str(path),
        "size": os.path.getsize(path),
        "parameters": count,
    }
    return {**facts, **{k: v for k, v in encoder.provenance.items() if k != "model"}}


def _record(model: Published) -> dict[str, Any]:
    from satclip_core.models.registry import read_record

    record = read_record(model)
    if record is None:
        return {}
    known = asdict(record)
    return {key: known[key] for key in ("url", "revision", "commit", "fetched")}


def _or_dash(value: Any) -> str:
    return "-" if value is None else str(value)


def _degrees(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}°"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f} MB"
