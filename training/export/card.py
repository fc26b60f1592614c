"""The model card: Markdown from a run's settings, its facts and its probe scores."""

from __future__ import annotations

from collections.abc import Mapping

from satclip_core.models.model_file import requirements

from ..evaluation.tasks import NO_LEAKS
from ..objectives import objective_class
from ..settings.config import (
    HARMONICS,
    RANDOM_CONVOLUTION,
    TIMM,
    ExportSettings,
    FeatureSettings,
    ModelSettings,
    PointSettings,
    SourceSettings,
    TrainConfig,
)
from ..settings.schema import plain

NO_LICENCE = "not stated"
"""What a model says of its licence where its configuration says nothing."""


def model_card(config: TrainConfig, facts: Mapping[str, str], scores: str) -> str:
    """Write a model card.

    Args:
        config: the run's settings.
        facts: flat provenance of the run.
        scores: the probe table, Markdown; empty where nothing was probed.
    """
    model, training = config.model, config.training
    parts = [
        f"# {config.name}",
        f"A location encoder: longitude and latitude in, {model.embed_dim} numbers out that say "
        f"what the place looks like from above. {objective_class(config).card_origin(config)}",
        "## Model",
        f"{_encoder(model)} Licence of the weights: {config.export.licence or NO_LICENCE}.",
        "## Data",
        config.export.data,
        "\n".join(f"- `{name}`: {_describe(source)}" for name, source in config.sources.items()),
        "## Recipe",
        _recipe(config),
        "## Linear probes",
        scores or "None were run.",
        "Ridge regression on standardised embeddings of at most 8,000 points, split 30/10/60 into "
        "training, validation and test, penalty chosen on validation; R² or accuracy on test, mean "
        "of three splits."
        if scores
        else "",
        _leakage(facts) if scores else "",
        "## Limits",
        "\n".join(f"- {limit}" for limit in config.export.limits) or "None were written down.",
        "## Provenance",
        "\n".join(f"- {key}: {value}" for key, value in facts.items()),
    ]
    if not training.validation_fraction:
        parts.append("No points were held out for validation.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _encoder(model: ModelSettings) -> str:
    """Sentences on the architecture."""
    if model.encoding.kind == HARMONICS and model.network.kind == "siren":
        return (
            f"Siren(SH(lon, lat)): spherical harmonics of {model.legendre_polys} degrees "
            f"({model.harmonics_calculation} basis), {model.num_hidden_layers} sine layers of "
            f"{model.capacity}, output {model.embed_dim}. Effective resolution "
            f"{90 / model.legendre_polys:g}°: what is finer is smooth interpolation."
        )
    encoder = model.architecture
    said = [*_said(plain(model.encoding)), *_said(plain(model.sizes))]
    brought = [f"{what} of {package}" for what, package in requirements(encoder).items()]
    needs = f" Needs an installed package: {', '.join(brought)}." if brought else ""
    return f"{encoder.formula}; {', '.join([*said, f'output {model.embed_dim}'])}.{needs}"


def _said(values: Mapping[str, object]) -> list[str]:
    return [f"{key} {value}" for key, value in values.items() if key != "kind"]


def _leakage(facts: Mapping[str, str]) -> str:
    """Whether the labels of tasks were among the inputs, where that was looked into."""
    if "leaks" not in facts:
        return ""
    if facts["leaks"] == NO_LEAKS:
        return "No input of the encoder is a task's label or gives it away, as far as known."
    return f"The inputs give these labels away: {facts['leaks']}; not comparable with others."


def _describe(source: SourceSettings) -> str:
    chip, features = source.chip, source.features
    if chip is None:
        return (
            f"{_describe_patches(source)}{_describe_smoothing(source)}; "
            f"{_describe_features(features)}"
        )
    count = len(source.files)
    what = f"{count} file patterns" if count > 1 else f"`{source.files[0]}`"
    return (
        f"{what}; chips of {chip.kilometres:g} km, {chip.pixels} × {chip.pixels} pixels, "
        f"{source.views} views a point (one file at random, shifted up to {chip.shift:g} of the "
        f"side{', flipped' if chip.flip else ''}){_describe_smoothing(source)}; "
        f"{_describe_features(features)}"
    )


def _describe_smoothing(source: SourceSettings) -> str:
    smoothing = source.smoothing
    if smoothing is None:
        return ""
    whose = "a transformer trained on them"
    if smoothing.kind == TIMM:
        whose = f"timm's {smoothing.model}, weights `{smoothing.weights}`"
    return (
        f", smoothed where they get the lowest {smoothing.threshold:.0%} of the attention of "
        f"{whose} ({smoothing.attention}, {smoothing.replacement})"
    )


def _describe_patches(source: SourceSettings) -> str:
    transform = source.transform
    varied = [
        f"cropped to {transform.crop} × {transform.crop} pixels",
        *(["flipped"] if transform.flip else []),
        *([f"blurred by {transform.blur} × {transform.blur}"] if transform.blur else []),
    ]
    return f"patches of `{source.patches}`, {', '.join(varied)}, {source.views} views a point"


def _describe_features(features: FeatureSettings) -> str:
    components = f"{features.dim} principal components" if features.dim else "all features"
    if features.kind == TIMM:
        untrained = "UNTRAINED (random weights)" if features.weights == "random" else "frozen"
        return f"timm's {features.model}, weights `{features.weights}`, {untrained}, {components}"
    if features.kind != RANDOM_CONVOLUTION:
        said = ", ".join(_said(plain(features.settings)))
        return f"the image encoder {features.kind} ({said or 'no settings'}), {components}"
    return (
        f"{features.filters} random convolutional filters of {features.patch} × {features.patch}, "
        f"{components}"
    )


def _recipe(config: TrainConfig) -> str:
    training = config.training
    parts = [
        _points(config.points),
        *objective_class(config).card_recipe(config),
        f"{training.epochs} epochs of AdamW, rate {training.learning_rate:g}, weight decay "
        f"{training.weight_decay:g}, {training.schedule} schedule",
    ]
    if training.average_decay:
        parts.append(f"weights averaged with decay {training.average_decay:g}")
    if config.model.dropout:
        parts.append(f"dropout {config.model.dropout:g}")
    if config.model.degree_decay:
        parts.append(
            f"harmonics of degree l scaled by (1 + l/{config.model.degree_reference:g})^-"
            f"{config.model.degree_decay:g}, folded into the first layer"
        )
    if config.export.trained_share < 1:
        parts.append(
            f"weights {config.export.trained_share:.0%} of the way from the initial to the trained "
            "ones, which keeps some of the initial smoothness (Wortsman et al. 2022)"
        )
    if config.export.embedding == "hidden-components":
        parts.append(_last_layer(config.export))
    if config.export.postprocess != "none":
        parts.append(f"embedding post-processed on land: {config.export.postprocess}")
    return "; ".join(parts) + "."


def _points(points: PointSettings) -> str:
    """Which places were asked for; how many of them were blank is in the facts of a run."""
    if points.patches is not None:
        return f"the points of the patches, {points.count:,} at most"
    if points.file is not None:
        return f"the points of `{points.file}`, {points.count:,} at most"
    where = "uniform over land" if points.land_mask else "uniform over land and sea"
    (south, north), (west, east) = points.latitude, points.longitude
    limits = []
    if (south, north) != (-90, 90):
        limits.append(f"between latitudes {south:g} and {north:g}")
    if (west, east) != (-180, 180):
        limits.append(f"between longitudes {west:g} and {east:g}")
    where = " ".join([where, " and ".join(limits)]).strip()
    if points.within is not None:
        where += f", within the imagery of `{points.within}`"
    sea = f", {points.sea_share:.0%} of them at sea instead" if points.sea_share else ""
    return f"{points.count:,} points {where}{sea}"


def _last_layer(export: ExportSettings) -> str:
    rotated = ", randomly rotated" if export.rotation_seed is not None else ""
    components = "principal components of the last hidden layer over land"
    if not export.contrastive_components:
        return f"the last layer replaced by {components}{rotated}"
    count = export.contrastive_components
    leading = f"the {count} leading components of the contrastive output"
    if export.leading == "imagery":
        leading = f"the {count} directions of the last hidden layer that best predict the imagery"
    return (
        f"the last layer replaced by {leading} ({export.contrastive_share:.0%} of the variance) "
        f"and {components} for what they leave over{rotated}"
    )
