"""The model card of an encoder of two parts: Markdown from settings, facts and scores."""

from __future__ import annotations

from collections.abc import Mapping

from satclip_core.encoder import TwoPartConfig

from ..evaluation.tasks import NO_LEAKS
from .fine_settings import EyeSettings, FineConfig


def fine_card(
    config: FineConfig, shape: TwoPartConfig, facts: Mapping[str, str], scores: str
) -> str:
    """Write the card of an encoder of two parts.

    Args:
        config: the run's settings.
        shape: the encoder's architecture, with what it resolves.
        facts: flat provenance of the run.
        scores: the probe table, Markdown; empty where nothing was probed.
    """
    known = shape.resolution_km
    resolves = "nothing by the measure below" if known is None else f"{known:g} km"
    leaks = facts.get("leaks", NO_LEAKS)
    cover = facts.get("land_cover_explained_in_boxes")
    parts = [
        f"# {config.name}",
        f"A location encoder of two parts: longitude and latitude in, {config.embedding.dim} "
        f"numbers out that say what the place looks like from above. It resolves {resolves}.",
        "## Model",
        f"{shape.formula}. {config.fit.hidden} ReLUs read the field and "
        f"{config.fit.components} smooth components and predict {config.predictions} numbers that "
        "imagery shows; the embedding is these, their principal components first, beside "
        f"{config.embedding.dim - config.predictions} smooth components. The first "
        f"{', '.join(map(str, config.embedding.lengths))} dimensions say as much as so many can. "
        f"Licence of the weights: {config.export.licence}.",
        "## Data",
        config.export.data,
        "\n".join(f"- `{name}`: {_describe(eye)}" for name, eye in config.eyes.items()),
        "## Recipe",
        f"{facts.get('places', '?')} places, some in every cell of the field; squared error of "
        f"standardised, softly whitened numbers; batches of {config.fit.batch_size:,}, "
        f"{config.fit.epochs} epochs of Adam, rate {config.fit.field_rate:g} for the field and "
        f"{config.fit.rate:g} for the layers. Error on unseen places "
        f"{facts.get('unseen_error_rounded', '?')} of a variance of 1, the field in whole numbers.",
        "## Resolution",
        "Share of the squared difference of images between places so many kilometres apart that "
        f"a ridge regression on the embeddings explains: {facts.get('explained_by_km', '?')}. An "
        "encoder resolves the distance at which it is half. Of what varies within boxes of so many "
        f"degrees it explains, of images: {facts.get('explained_in_boxes', '?')}"
        + (f"; of land cover: {cover}." if cover else "."),
        "## Linear probes",
        scores or "None were run.",
        _leakage(leaks) if scores else "",
        "## Limits",
        "\n".join(f"- {limit}" for limit in config.export.limits) or "None were written down.",
        "## Provenance",
        "\n".join(f"- {key}: {value}" for key, value in facts.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _leakage(leaks: str) -> str:
    return (
        "Ridge regression on standardised embeddings of at most 8,000 points, split 30/10/60 into "
        "training, validation and test, penalty chosen on validation; R² or accuracy on test, mean "
        "of three splits. "
        + (
            "No input of the encoder is a task's label or gives it away, as far as known."
            if leaks == NO_LEAKS
            else f"The inputs give these labels away: {leaks}; not comparable with others."
        )
    )


def _describe(eye: EyeSettings) -> str:
    scales = ", ".join(f"{scale:g}" for scale in eye.scales)
    parts = [f"`{'`, `'.join(eye.files)}`"]
    if eye.scales:
        parts.append(f"means within {scales} km{', less the next' if eye.residual else ''}")
    if eye.deviations:
        parts.append(f"deviation within {', '.join(f'{d:g}' for d in eye.deviations)} km")
    if eye.differences:
        parts.append(f"differences over {', '.join(f'{d:g}' for d in eye.differences)} km")
    parts.append(f"{eye.components} components, weight {eye.weight:g}")
    return "; ".join(parts)
