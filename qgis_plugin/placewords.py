"""What places are like, in the words and numbers of the user's language."""

from __future__ import annotations

from functools import lru_cache

from qgis.PyQt.QtCore import QLocale

from .models import default_model
from .satclip_core.errors import SatclipError
from .satclip_core.models.registry import BUNDLED, find_model
from .satclip_core.products import PropertyHeads
from .satclip_core.products.property_heads import PropertyFacts, heads_file
from .text import tr


def say(text: str) -> str:
    """A text of a description in the user's language; as it is where it is nobody's of ours."""
    return words().get(text, text)


def tell(value: float, decimals: int) -> str:
    """A number as the user's language writes it."""
    return QLocale().toString(round(value, decimals) + 0.0, "f", max(decimals, 0))


def said_error(facts: PropertyFacts) -> str:
    """How far off a property is at places left out."""
    if facts.legend is not None:
        return tr("right at {share} % of places").format(
            share=tell(100 * facts.scores["accuracy"], 0)
        )
    rmse = facts.scores["rmse"]
    size = tell(rmse, 2 if rmse < 1 else 1 if rmse < 10 else 0)
    text = (
        tr("R² {r2} of its logarithm, RMSE {rmse}")
        if facts.transform == "log1p"
        else tr("R² {r2}, RMSE {rmse}")
    )
    return text.format(r2=tell(facts.scores["r2"], 2), rmse=f"{size} {facts.unit}".rstrip())


def known_properties() -> tuple[PropertyFacts, ...]:
    """Those that the default model tells of places, or else the bundled one; () without any."""
    for name in (default_model(), BUNDLED):
        try:
            path = heads_file(find_model(name))
            return _facts(str(path), path.stat().st_mtime_ns)
        except (SatclipError, OSError):
            continue
    return ()


@lru_cache(maxsize=4)
def _facts(path: str, _changed: int) -> tuple[PropertyFacts, ...]:
    return PropertyHeads.load(path).facts


def words() -> dict[str, str]:
    """The texts of the core's descriptions and of the bundled model's properties."""
    return {**_phrases(), **_titles(), **_covers(), **_climates()}


def _phrases() -> dict[str, str]:
    return {
        "about {number} m above the sea": tr("about {number} m above the sea"),
        "low-lying": tr("low-lying"),
        "hardly any people": tr("hardly any people"),
        "few people": tr("few people"),
        "settled": tr("settled"),
        "many people": tr("many people"),
        "water; what else there is to know, the model knows on land only": tr(
            "water; what else there is to know, the model knows on land only"
        ),
        "{low} to {high}": tr("{low} to {high}"),
        "cluster {number}": tr("cluster {number}"),
        "warmer": tr("warmer"),
        "colder": tr("colder"),
        "wetter": tr("wetter"),
        "drier": tr("drier"),
        "higher": tr("higher"),
        "lower": tr("lower"),
        "greener": tr("greener"),
        "barer": tr("barer"),
    }


def _titles() -> dict[str, str]:
    return {
        "mean temperature of the year": tr("mean temperature of the year"),
        "mean temperature of January": tr("mean temperature of January"),
        "mean temperature of July": tr("mean temperature of July"),
        "yearly rain and snow": tr("yearly rain and snow"),
        "elevation": tr("elevation"),
        "greenness at its height (NDVI)": tr("greenness at its height (NDVI)"),
        "land cover": tr("land cover"),
        "night light, 0 to 255": tr("night light, 0 to 255"),
        "people per km², 255 at most": tr("people per km², 255 at most"),
        "climate zone": tr("climate zone"),
    }


def _covers() -> dict[str, str]:
    return {
        "water": tr("water"),
        "evergreen needleleaf forest": tr("evergreen needleleaf forest"),
        "evergreen broadleaf forest": tr("evergreen broadleaf forest"),
        "deciduous needleleaf forest": tr("deciduous needleleaf forest"),
        "deciduous broadleaf forest": tr("deciduous broadleaf forest"),
        "mixed forest": tr("mixed forest"),
        "closed shrubland": tr("closed shrubland"),
        "open shrubland": tr("open shrubland"),
        "woody savanna": tr("woody savanna"),
        "savanna": tr("savanna"),
        "grassland": tr("grassland"),
        "wetland": tr("wetland"),
        "cropland": tr("cropland"),
        "irrigated cropland": tr("irrigated cropland"),
        "town": tr("town"),
        "cropland mixed with wild plants": tr("cropland mixed with wild plants"),
        "snow and ice": tr("snow and ice"),
        "barren land": tr("barren land"),
    }


def _climates() -> dict[str, str]:
    return {
        "tropical rainforest climate": tr("tropical rainforest climate"),
        "tropical monsoon climate": tr("tropical monsoon climate"),
        "tropical savanna climate with a dry summer": tr(
            "tropical savanna climate with a dry summer"
        ),
        "tropical savanna climate": tr("tropical savanna climate"),
        "hot steppe climate": tr("hot steppe climate"),
        "cold steppe climate": tr("cold steppe climate"),
        "hot desert climate": tr("hot desert climate"),
        "cold desert climate": tr("cold desert climate"),
        "humid climate with mild winters and hot summers": tr(
            "humid climate with mild winters and hot summers"
        ),
        "oceanic climate": tr("oceanic climate"),
        "oceanic climate with cool summers": tr("oceanic climate with cool summers"),
        "Mediterranean climate with hot summers": tr("Mediterranean climate with hot summers"),
        "Mediterranean climate with warm summers": tr("Mediterranean climate with warm summers"),
        "Mediterranean climate with cool summers": tr("Mediterranean climate with cool summers"),
        "mild climate with dry winters and hot summers": tr(
            "mild climate with dry winters and hot summers"
        ),
        "mild climate with dry winters and warm summers": tr(
            "mild climate with dry winters and warm summers"
        ),
        "mild climate with dry winters and cool summers": tr(
            "mild climate with dry winters and cool summers"
        ),
        "humid continental climate with hot summers": tr(
            "humid continental climate with hot summers"
        ),
        "humid continental climate with warm summers": tr(
            "humid continental climate with warm summers"
        ),
        "subarctic climate": tr("subarctic climate"),
        "subarctic climate with severe winters": tr("subarctic climate with severe winters"),
        "continental climate with hot dry summers": tr("continental climate with hot dry summers"),
        "continental climate with warm dry summers": tr(
            "continental climate with warm dry summers"
        ),
        "subarctic climate with dry summers": tr("subarctic climate with dry summers"),
        "subarctic climate with dry summers and severe winters": tr(
            "subarctic climate with dry summers and severe winters"
        ),
        "continental climate with dry winters and hot summers": tr(
            "continental climate with dry winters and hot summers"
        ),
        "continental climate with dry winters and warm summers": tr(
            "continental climate with dry winters and warm summers"
        ),
        "subarctic climate with dry winters": tr("subarctic climate with dry winters"),
        "subarctic climate with dry and severe winters": tr(
            "subarctic climate with dry and severe winters"
        ),
        "ice climate": tr("ice climate"),
        "tundra climate": tr("tundra climate"),
    }
