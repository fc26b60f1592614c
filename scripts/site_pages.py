"""What the documentation's site has beside the pages of docs/: mkdocs calls these hooks.

Pages that are generated (settings from their classes, commands from Click, the Python reference
from docstrings), and links from pages to files of the repository that are no pages.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from satclip_core.extensions import default_of
from satclip_training.fine.fine_settings import FineConfig
from satclip_training.settings.config import TrainConfig
from satclip_training.settings.schema import REQUIRED, says, sections

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = re.compile(r"\]\((\.\./(?!images/|results/)[^)#\s]+)(#[^)\s]*)?\)")

COMMANDS = """# Commands

Every command as `satclip COMMAND --help` has it.

::: mkdocs-click
    :module: satclip_cli.main
    :command: cli
    :prog_name: satclip
    :style: table
    :depth: 1
"""

CORE = {
    "Models": ["satclip_core.models.registry.load_encoder", "satclip_core.encoder.LocationEncoder"],
    "Rasters": [
        "satclip_core.grid.Grid",
        "satclip_core.raster.RasterRequest",
        "satclip_core.raster.RasterJob",
        "satclip_core.raster.write_raster",
        "satclip_core.raster.raster_array",
    ],
    "Products": [
        "satclip_core.products.Embedding",
        "satclip_core.products.Similarity",
        "satclip_core.products.SimilarityTo",
        "satclip_core.products.RgbOf",
        "satclip_core.products.ClustersOf",
        "satclip_core.products.MapOf",
        "satclip_core.products.PropertiesOf",
    ],
    "Errors": [
        "satclip_core.errors.SatclipError",
        "satclip_core.errors.InputError",
        "satclip_core.errors.OutputError",
        "satclip_core.errors.ModelError",
    ],
}
TRAINING = {
    "Runs": [
        "satclip_training.settings.config.load_config",
        "satclip_training.settings.run_files.locations",
        "satclip_training.run.pretraining.RunOptions",
        "satclip_training.run.pretraining.train",
    ],
    "As a torch module": [
        "satclip_training.export.torch_module.load_module",
        "satclip_training.export.torch_module.save_module",
        "satclip_training.export.interchange.export_safetensors",
        "satclip_training.export.interchange.export_onnx",
    ],
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/commands.md": COMMANDS,
        "reference/settings.md": "\n".join(settings_page()),
        "reference/core.md": _objects("Python: satclip_core", CORE),
        "reference/training.md": _objects("Python: satclip_training", TRAINING),
    }
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files of the repository there; a file that is not there fails the build."""
    base = Path(config.docs_dir) / Path(page.file.src_uri).parent

    def led(match: re.Match[str]) -> str:
        target = (base / match[1]).resolve()
        if Path(config.docs_dir).resolve() in target.parents:
            return match[0]
        if not target.exists():
            raise PluginError(f"{page.file.src_uri}: {match[1]} does not exist")
        path = target.relative_to(ROOT).as_posix()
        return f"]({config.repo_url}/blob/main/{path}{match[2] or ''})"

    return OUTSIDE.sub(led, markdown)


def _objects(title: str, groups: dict[str, list[str]]) -> str:
    """A page of docstrings."""
    lines = [f"# {title}", ""]
    for heading, names in groups.items():
        lines += [f"## {heading}", ""]
        lines += [f"::: {name}\n" for name in names]
    return "\n".join(lines)


def settings_page() -> Iterator[str]:
    """The reference of a training configuration: a section for each settings class."""
    yield "# Settings of training"
    yield ""
    yield (
        "What a configuration of `satclip train` may say, from the classes that read it. "
        "A setting without a default must be given. `--set training.epochs=5` changes one from the "
        "command line."
    )
    yield ""
    for cls, title, keys in (
        (TrainConfig, "A run that contrasts places", "`sources` or `modalities`"),
        (FineConfig, "A run that fits a fine part", "`eyes` and `levels`"),
    ):
        yield f"## {title}"
        yield ""
        yield f"A configuration with {keys}."
        yield ""
        for key, section, kind in _walk(cls, ""):
            yield from _section(key, section, kind)


def _walk(cls: type[Any], key: str, kind: str = "") -> Iterator[tuple[str, type[Any], str]]:
    """A class and those that its settings hold, depth first: where each stands, and its kind."""
    yield key, cls, kind
    for field in dataclasses.fields(cls):
        for name, held in sections(field.metadata.get("parse", _nothing)).items():
            if dataclasses.is_dataclass(held):
                yield from _walk(held, f"{key}.{field.name}".lstrip("."), name)


def _nothing() -> None:
    """A plain field's parser: it holds no class."""


def _section(key: str, cls: type[Any], kind: str) -> Iterator[str]:
    fields = [field for field in dataclasses.fields(cls) if not (kind and field.name == "kind")]
    if key:
        yield f"### `{key}`" + (f", kind `{kind}`" if kind else "")
        yield ""
    words = inspect.getdoc(cls) or ""
    if not words.startswith(f"{cls.__name__}("):  # what dataclass writes by itself
        yield words
        yield ""
    if not fields:
        yield "No settings of its own."
        yield ""
        return
    yield "| setting | takes | default |"
    yield "|---|---|---|"
    for field in fields:
        default = default_of(field)
        shown = "must be given" if default is REQUIRED else _shown(default)
        takes = says(field.metadata.get("parse", _nothing)) or f"`{field.type}`"
        yield f"| `{field.name}` | {takes} | {shown} |"
    yield ""


def _shown(default: Any) -> str:
    """A default as YAML has it."""
    if dataclasses.is_dataclass(default):
        return f"`{default.kind}`" if hasattr(default, "kind") else "its defaults"
    if default is None:
        return "null"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, (tuple, list)):
        return f"`[{', '.join(map(str, default))}]`"
    if isinstance(default, dict):
        return "none"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
