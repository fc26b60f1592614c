"""CRSs and resolutions between QGIS and the core."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsUnitTypes,
)

from .satclip_core.encoder import LocationEncoder

# Metres of one degree of a great circle: 2 pi 6371.0088 km / 360.
METRES_PER_DEGREE = 111195.0797
# Pixels over the effective resolution of a model, and along the longer side of an extent.
_PIXELS_RESOLVED = 4
_LEAST_PIXELS, _MOST_PIXELS = 100, 1000
# Resolution of a model that states none, degrees.
_UNKNOWN_RESOLUTION = 2.0


def lonlat_crs() -> QgsCoordinateReferenceSystem:
    """WGS 84, which encoders take, lon first as always in QGIS."""
    return QgsCoordinateReferenceSystem("EPSG:4326")


def core_crs(crs: QgsCoordinateReferenceSystem) -> str:
    """A CRS as the core takes it: an EPSG code, else WKT."""
    authid = crs.authid()
    if authid.startswith("EPSG:"):
        return authid
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED)


def to_lonlat(crs: QgsCoordinateReferenceSystem, transform_context) -> QgsCoordinateTransform:
    """From any CRS to longitude and latitude; a layer without a CRS is taken to be in degrees."""
    source = crs if crs.isValid() else lonlat_crs()
    return QgsCoordinateTransform(source, lonlat_crs(), transform_context)


def default_resolution(
    encoder: LocationEncoder,
    crs: QgsCoordinateReferenceSystem,
    width: float,
    height: float,
) -> float:
    """A quarter of what the model resolves; finer where the extent is small, coarser where large.

    Args:
        encoder: the model.
        crs: of the raster.
        width: of the extent, in units of the CRS.
        height: of the extent, in units of the CRS.

    Returns:
        Pixel size in units of the CRS, two digits.
    """
    degrees = (encoder.resolution_degrees or _UNKNOWN_RESOLUTION) / _PIXELS_RESOLVED
    size = degrees * units_per_degree(crs)
    longer = max(width, height)
    size = min(max(size, longer / _MOST_PIXELS), longer / _LEAST_PIXELS, width, height)
    return float(f"{size:.2g}") if float(f"{size:.2g}") <= min(width, height) else size


def units_per_degree(crs: QgsCoordinateReferenceSystem) -> float:
    """Length of one degree of a great circle in units of a CRS."""
    metres = QgsUnitTypes.DistanceUnit.DistanceMeters
    degrees = QgsUnitTypes.DistanceUnit.DistanceDegrees
    if crs.isGeographic():
        return QgsUnitTypes.fromUnitToUnitFactor(degrees, crs.mapUnits())
    return METRES_PER_DEGREE * QgsUnitTypes.fromUnitToUnitFactor(metres, crs.mapUnits())
