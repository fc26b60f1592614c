"""The raster algorithms ask the core for the same as Python does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from raster_requests import ASKED, BOUNDS, RES, expected, stripped

WEST, SOUTH, EAST, NORTH = BOUNDS
GRID = {
    "EXTENT": f"{WEST},{EAST},{SOUTH},{NORTH} [EPSG:4326]",
    "RESOLUTION": RES,
    "CRS": "EPSG:4326",
    "LAND": False,  # as on the command line, where --land asks for it
}


@pytest.mark.parametrize("name", ASKED)
def test_parameters_and_python_give_the_same_request(
    run, make_points, monkeypatch, small_model, tmp_path, project, name
):
    from satclip_qgis.satclip_core import products
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.grid.land import land_within
    from satclip_qgis.satclip_core.grid.pixels import Locator
    from satclip_qgis.satclip_core.raster import request as road

    seen, located = [], []
    prepare, locate = road.RasterRequest.prepare, Locator.__init__

    def noted(self, **options):
        seen.append(self)
        return prepare(self, **options)

    def counted(self, *args):
        located.append(self)
        locate(self, *args)

    monkeypatch.setattr(road.RasterRequest, "prepare", noted)
    land_within(Grid.from_bounds(BOUNDS, RES))  # is kept, and looks for itself
    monkeypatch.setattr(Locator, "__init__", counted)
    asked = ASKED[name]
    given = dict(asked.parameters)
    if "POINTS" in given:
        given["POINTS"] = make_points(given["POINTS"])
    if "INPUT" in given:
        rows = given["INPUT"]
        fields = "&field=t:double&field=k:string(10)"
        points = [row[:2] for row in rows]
        given["INPUT"] = make_points(points, fields=fields, rows=[row[2:] for row in rows])
    output = str(tmp_path / "out.tif")
    run(asked.algorithm, {**GRID, "MODEL": str(small_model), "OUTPUT": output, **given})
    core = SimpleNamespace(Grid=Grid, RasterRequest=road.RasterRequest, products=products)
    (request,) = seen
    assert stripped(request) == stripped(expected(name, str(small_model), core))
    assert len(located) == 1
