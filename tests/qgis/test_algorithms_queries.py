"""Search by words and the origin of an image in a real QGIS, with a model of geometry."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="QGIS is not installed for this Python")
from modal_models import KAPPA, KILOMETRES, WORDS, direction, modal_model
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

GRID = {
    "EXTENT": "-20,52,-35,37 [EPSG:4326]",
    "RESOLUTION": 2,
    "CRS": "EPSG:4326",
    "LAND": True,
}


@pytest.fixture(scope="module")
def model(plugin, tmp_path_factory):
    """A model with words and images, as a file."""
    from satclip_qgis.satclip_core.models.model_file import write_model

    path = tmp_path_factory.mktemp("modal") / "modal.npz"
    write_model(path, modal_model("satclip_qgis.satclip_core"), dtype="float64")
    return str(path)


@pytest.fixture
def image(tmp_path):
    """An image from the Congo that does not say where it lies."""
    path = str(tmp_path / "chip.tif")
    made = gdal.GetDriverByName("GTiff").Create(path, 6, 6, 3, gdal.GDT_Float64)
    for band, value in enumerate(direction(*WORDS["congo"]), 1):
        made.GetRasterBand(band).WriteArray(np.full((6, 6), value))
    del made
    return path


def read(path):
    dataset = gdal.Open(path)
    return dataset.GetRasterBand(1).ReadAsArray(), dataset.GetMetadata()


def rows_of(layer):
    return [feature.attributes() for feature in layer.getFeatures()]


def test_words_give_a_raster_and_the_best_places(run, model, tmp_path, project):
    from satclip_qgis.satclip_core.grid import Grid
    from satclip_qgis.satclip_core.grid.land import LAND
    from satclip_qgis.satclip_core.products import SimilarityToWords
    from satclip_qgis.satclip_core.raster.similar_places import similar_places

    output = str(tmp_path / "out.tif")
    given = {**GRID, "MODEL": model, "WORDS": " the Congo", "SPACING": 600, "COUNT": 4}
    found = run("wordsearch", {**given, "OUTPUT": output, "PLACES": "memory:"})
    values, tags = read(found["OUTPUT"])
    assert tags["words"] == "the Congo"
    assert 0.3 < np.isnan(values).mean() < 0.7
    grid = Grid.from_bounds((-20, -35, 52, 37), 2)
    encoder = modal_model("satclip_qgis.satclip_core")
    want = similar_places(grid, encoder, SimilarityToWords("congo"), 4, spacing_km=600, mask=LAND)
    rows = rows_of(found["PLACES"])
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    np.testing.assert_allclose([row[2:] for row in rows], want.lonlat)
    np.testing.assert_allclose([row[1] for row in rows], want.similarity, atol=1e-6)


def test_places_are_wanted_or_not(run, model, tmp_path, project):
    found = run("wordsearch", {**GRID, "MODEL": model, "WORDS": "desert",
                               "OUTPUT": str(tmp_path / "out.tif")})  # fmt: skip
    assert "PLACES" not in found


def test_an_image_gives_a_map_that_sums_to_one(run, model, image, tmp_path, project):
    from satclip_qgis.satclip_core.grid import Grid, Window
    from satclip_qgis.satclip_core.grid.outlines import pixel_areas

    given = {**GRID, "MODEL": model, "IMAGE": image, "KILOMETRES": KILOMETRES, "COUNT": 3}
    found = run("imageorigin", {**given, "OUTPUT": str(tmp_path / "out.tif"), "PLACES": "memory:"})
    values, tags = read(found["OUTPUT"])
    grid = Grid.from_bounds((-20, -35, 52, 37), 2)
    areas = pixel_areas(grid, Window(0, 0, *grid.shape)) / 1e6
    assert np.nansum(values * areas) == pytest.approx(1, abs=1e-5)
    assert tags["origin_of"] == f"image={image}"
    # The density is von Mises-Fisher: its logarithm falls with the cosine, by the model's scale.
    known = np.isfinite(values)
    rows, cols = np.nonzero(known)
    places = np.array([direction(*at) for at in zip(*grid.centres(rows, cols))])
    cosines = places @ direction(*WORDS["congo"])
    slope, _ = np.polyfit(cosines, np.log(values[known]), 1)
    assert slope == pytest.approx(KAPPA, rel=1e-3)
    first = rows_of(found["PLACES"])[0]
    np.testing.assert_allclose(first[3:], WORDS["congo"], atol=1.01)
    assert 0 < first[1] < 1


def test_bands_kind_and_words_are_handed_on(run, model, image, tmp_path, project):
    given = {**GRID, "MODEL": model, "IMAGE": QgsRasterLayer(image), "KILOMETRES": KILOMETRES}
    given.update(BANDS=[2], KIND="grey", WORDS="desert", OUTPUT=str(tmp_path / "out.tif"))
    _, tags = read(run("imageorigin", given)["OUTPUT"])
    assert tags["origin_of"] == f"grey={image}; desert"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("wordsearch", {"WORDS": "the dessert"}, "not 'dessert' (nearest: desert)"),
        ("wordsearch", {"WORDS": "rice"}, "leaving the words empty lists what it does"),
        ("wordsearch", {"WORDS": " "}, "knows: congo, desert, mountains, north, south"),
        ("imageorigin", {"WORDS": "dessert"}, "nearest: desert"),
        ("imageorigin", {}, "say how many kilometres its width spans (the model looks at 80) as "
         "Width of the image (kilometres)"),
        ("imageorigin", {"KILOMETRES": 40}, "spans 40 x 40 km, the model's image looks at 80 km"),
        ("imageorigin", {"KILOMETRES": 80, "BANDS": [1, 2]}, "choose them as Bands"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_the_words_of_the_dialog(
    run, model, image, tmp_path, project, name, given, said
):
    more = {"IMAGE": image} if name == "imageorigin" else {}
    with pytest.raises(QgsProcessingException) as raised:
        run(name, {**GRID, "MODEL": model, **more, **given, "OUTPUT": str(tmp_path / "o.tif")})
    assert said in str(raised.value)
    assert not (tmp_path / "o.tif").exists()


@pytest.mark.parametrize("name", ["wordsearch", "imageorigin"])
def test_a_model_of_places_alone_says_so(run, small_model, image, tmp_path, project, name):
    given = {**GRID, "MODEL": str(small_model), "WORDS": "desert", "IMAGE": image}
    with pytest.raises(QgsProcessingException, match=r"has learnt no (words|images)"):
        run(name, {**given, "OUTPUT": str(tmp_path / "o.tif")})
