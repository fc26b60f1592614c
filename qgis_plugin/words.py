"""The core's errors in the words of QGIS: its arguments as what the dialogs call them."""

from __future__ import annotations

from .satclip_core.errors import Argument, Call, Package, SatclipError, Term
from .text import tr


def worded(error: BaseException) -> str:
    """The message of an error, for the user."""
    return error.worded(words) if isinstance(error, SatclipError) else str(error)


def words(term: Term) -> str:
    """What QGIS says for a term; what it has no words for is said as in Python."""
    if isinstance(term, Package):
        text = tr("install the package {module} for the Python of QGIS")
        return text.format(module=term.module.partition(".")[0])
    if isinstance(term, Call):
        again = Argument("force", True) in term.arguments
        return calls().get("fetch again" if again else term.function, str(term))
    name = arguments().get(term.name)
    if name is None:
        return str(term)
    given = term.value if isinstance(term, Argument) else None
    if given is None or given is True:
        return name
    form = forms().get(term.name, "{name} {value}")
    return form.format(name=name, value=given)


def arguments() -> dict[str, str]:
    """What each argument that the core's errors name is called."""
    return {
        "above": tr("Least similarity"),
        "array": tr("name of the array field"),
        "bands": tr("Bands"),
        "bounds": tr("extent"),
        "bounds_crs": tr("CRS of the extent"),
        "centroid": tr("centroids"),
        "classes": f"{tr('The field holds')}: {tr('classes')}",
        "covariates": tr("Covariates"),
        "creation_options": tr("creation options"),
        "crs": tr("CRS of the layer"),
        "device": tr("device"),
        "dims": tr("Dimensions"),
        "dtype": tr("Data type"),
        "encoding": tr("encoding of the layer"),
        "folds": tr("Samples left out together"),
        "format": tr("Format"),
        "groups": tr("Groups of samples"),
        "kilometres": tr("Width of the image (kilometres)"),
        "lat_column": tr("field of latitudes"),
        "layer": tr("its name"),
        "least_km2": tr("Least area (square kilometres)"),
        "lon_column": tr("field of longitudes"),
        "method": tr("Method for numbers"),
        "missing": tr("Numbers that mean no value"),
        "model": tr("Model"),
        "nodata": tr("No data value"),
        "overwrite": tr("overwriting"),
        "tolerance": tr("Tolerance"),
        "percentile": tr("More alike than (percent of land)"),
        "prefix": tr("Prefix of the new fields"),
        "properties": tr("Properties"),
        "quoting": tr("quoting of the table"),
        "reduce": tr("Several places"),
        "res": tr("resolution"),
        "strict": tr("the demand for a place in every row"),
        "transform": tr("Transform of numbers"),
        "view": tr("view (move the map)"),
        "weights": tr("Weights of samples"),
    }


def forms() -> dict[str, str]:
    """How an argument and its value are said together, where not one after the other."""
    return {"bounds_crs": tr("[{value}] after its numbers")}


def calls() -> dict[str, str]:
    """What the user does for a call."""
    return {
        "ClusterModel.save": tr("Save clusters"),
        "RgbBasis.save": tr("Save basis"),
        "fit_properties": tr("the command line of SatCLIP"),
        "known_words": tr("leaving the words empty"),
        "save_map": tr("Save what was learnt"),
        "fetch": tr("fetch it under SatCLIP > Models"),
        "fetch again": tr("fetch it again under SatCLIP > Models"),
    }
