"""Pretraining of location encoders with torch; nothing outside this package imports torch.

The rooms, from the ground up; each imports only from floors below its own:

    distributed, settings       processes of a run; what a run is told, and the files it names
    images                      imagery, frozen features, their cache
    places                      places sampled or read, land masks, batches
    objectives, evaluation      the trainable encoder and what it is trained against; probes
    export, zoo, modalities     model file, card; encodings with networks; what else is contrasted
    run, inaturalist            one run from settings to model file; the iNaturalist task
    probe, fine                 linear probes as a command; encoders of two parts, field and smooth
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export.interchange import export_onnx, export_safetensors
    from .export.torch_module import load_module, save_module
    from .run.pretraining import RunOptions, train
    from .settings.config import load_config
    from .settings.run_files import locations

__all__ = [
    "RunOptions",
    "export_onnx",
    "export_safetensors",
    "load_config",
    "load_module",
    "locations",
    "save_module",
    "train",
]

_HOMES = {
    "RunOptions": "run.pretraining",
    "export_onnx": "export.interchange",
    "export_safetensors": "export.interchange",
    "load_config": "settings.config",
    "load_module": "export.torch_module",
    "locations": "settings.run_files",
    "save_module": "export.torch_module",
    "train": "run.pretraining",
}


def __getattr__(name: str) -> Any:
    # Lazy: settings and the command line's help do without torch.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
