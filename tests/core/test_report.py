"""The report of a map: whole, self-contained, and with the numbers that others compute."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from satclip_core.errors import InputError, OutputError
from satclip_core.grid import Grid
from satclip_core.grid.pixels import Locator
from satclip_core.grid.sphere import fibonacci_lattice, unit_vectors
from satclip_core.models.registry import load_encoder
from satclip_core.products import MapOf, Samples, regression
from satclip_core.products import evidence as products_evidence
from satclip_core.products.regression import Regression, conformal, coverage
from satclip_core.products.training_set import TrainingSet
from satclip_core.raster import RasterRequest, WriteOptions
from satclip_core.report import (
    Axis,
    Column,
    Page,
    Plot,
    evidence_figures,
    map_page,
    mapreport,
    table,
    text,
    write_map_report,
)
from satclip_core.report.cartography import MapFrame, classes_png, coarse_grid
from satclip_core.report.pictures import VIRIDIS, Ramp, indexed_png, rgb
from satclip_core.report.svg import said, tick_texts, ticks

WORLD = Grid.from_bounds((-180, -90, 180, 90), 10)
VOID = {"meta", "br", "hr", "img", "input", "link"}
TYPED = 57  # the row whose value somebody typed wrongly


class Reader(HTMLParser):
    """Reads a page: its elements, its words, and whether all that was opened is closed."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.words, self.open, self.cells = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th") and self.cells:
            self.cells[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.words).split()).replace("\N{NO-BREAK SPACE}", " ")


def job_of(encoder, samples, grid=WORLD, **options):
    wanted = MapOf(samples, evidence=True, **options)
    tags = {"command": "satclip map a&b.csv --report r.html"}
    request = RasterRequest(grid, wanted, encoder.name, options=WriteOptions(tags=tags))
    return request.prepare(encoder=encoder)


@pytest.fixture(scope="module")
def encoder(small_model):
    return load_encoder(small_model)


@pytest.fixture(scope="module")
def samples():
    places = fibonacci_lattice(150)
    x, y, z = unit_vectors(*places.T)
    values = 100 + 30 * np.sin(3 * x) + 20 * np.cos(2 * y) + 10 * z
    values += np.random.default_rng(0).normal(0, 3, 150)
    values[TYPED] *= 3
    return Samples.of(places, values, name='height & <b>"x"')


@pytest.fixture(scope="module")
def job(encoder, samples):
    return job_of(encoder, samples, method="gaussian", folds="random")


@pytest.fixture(scope="module")
def page(job):
    return map_page(job, raster="/somewhere/map.tif").render()


@pytest.fixture(scope="module")
def class_job(encoder):
    places = fibonacci_lattice(120)
    names = np.array(["south", "<middle>", "north"])[np.digitize(places[:, 1], [-25, 25])]
    names[::40] = "north"
    return job_of(encoder, Samples.of(places, names.tolist(), name="zone"), method="linear")


@pytest.fixture(scope="module")
def class_page(class_job):
    return map_page(class_job).render()


@pytest.mark.parametrize("which", ["page", "class_page"])
def test_a_page_holds_all_it_shows(which, request):
    made = request.getfixturevalue(which)
    reader = Reader(made)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "img", "a", "base"}
    for _, attributes in reader.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert value.startswith("data:image/png;base64,")
    plain = re.sub(r"data:image/png;base64,[\w+/=]+", "", made)
    for foreign in ("http", "@import", "//", "/somewhere"):
        assert foreign not in plain


@pytest.mark.parametrize("which", ["page", "class_page"])
def test_all_that_is_referred_to_is_there_once(which, request):
    made = request.getfixturevalue(which)
    reader = Reader(made)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]+)\)", made)
    used += [a["aria-labelledby"] for _, a in reader.elements if "aria-labelledby" in a]
    assert used
    assert set(used) <= set(ids)


@pytest.mark.parametrize("which", ["page", "class_page"])
def test_a_page_is_for_everyone(which, request):
    reader = Reader(request.getfixturevalue(which))
    assert reader.elements[0] == ("html", {"lang": "en"})
    assert any(a.get("name") == "viewport" for _, a in reader.elements)
    for tag, attributes in reader.elements:
        if tag == "svg":  # each picture says what it shows, or says nothing that words do not
            assert attributes.get("aria-hidden") == "true" or attributes["role"] == "img"
    pictures = sum(a.get("role") == "img" for tag, a in reader.elements if tag == "svg")
    titles = re.findall(r"<title id=.*?>(.*?)</title>", request.getfixturevalue(which))
    assert len(titles) == pictures >= 5
    assert all(len(title) > 20 for title in titles)


def card(made, name):
    return re.search(rf"<dt>{re.escape(name)}</dt><dd>(.*?)<small>", made).group(1)


def test_scores_are_those_that_others_compute(job, page):
    metrics = pytest.importorskip("sklearn.metrics")
    evidence = job.product.model.evidence
    truth, found = evidence.samples.values, evidence.predicted
    assert card(page, "R²") == f"{metrics.r2_score(truth, found):.3f}"
    rmse = metrics.mean_squared_error(truth, found) ** 0.5
    assert card(page, "RMSE") == said(rmse, 4)
    assert card(page, "MAE") == said(metrics.mean_absolute_error(truth, found), 4)
    assert card(page, "Bias") == said(float((found - truth).mean()), 2)
    words = Reader(page).text
    share = 100 * metrics.r2_score(truth, found)
    assert f"explains {share:.0f} % of the differences" in words
    assert f"± {said(rmse)}." in words


def test_a_typing_error_comes_first(page, samples):
    reader = Reader(page)
    start = next(i for i, row in enumerate(reader.cells) if row[0] == "no.")
    head, first = reader.cells[start], reader.cells[start + 1]
    assert head[:3] == ["no.", "row", "lon, lat"]
    assert first[1] == str(TYPED + 1)
    lon, lat = samples.lonlat[TYPED]
    assert [float(part) for part in first[2].split(",")] == pytest.approx([lon, lat], abs=1e-3)
    assert float(first[3].replace(",", "")) == pytest.approx(samples.values[TYPED], rel=1e-3)
    # What is said without it is near what it was before somebody typed it.
    assert float(first[4].replace(",", "")) == pytest.approx(samples.values[TYPED] / 3, rel=0.2)
    assert float(first[6].lstrip("+")) > 10


def test_what_is_said_without_a_sample_is_what_a_fit_without_it_says(encoder, samples, job):
    """Penalty and scale stay in closed form; fitted again they differ a little."""
    alone = job.product.model.evidence.alone
    place = int(np.flatnonzero(alone.rows == TYPED)[0])
    predictor = job.product.model.learnt.predictor
    kept = np.delete(np.arange(150), TYPED)
    from satclip_core.analysis.gaussian import Sites, features, fit_gaussian

    made = features(encoder.encode(samples.lonlat).astype(float), predictor.mean,
                    predictor.deviation)  # fmt: skip
    sites = Sites(made, unit_vectors(*samples.lonlat.T).T)
    standard = predictor.mean, predictor.deviation
    again = fit_gaussian(predictor.kernel, sites[kept], samples.values[kept], standard)
    embedding = encoder.encode(samples.lonlat[[TYPED]]).astype(float)
    without = again(embedding, sites.xyz[[TYPED]])[0]
    assert alone.without[place] == pytest.approx(without, rel=0.05)


def test_coverage_of_intervals_by_hand(job, page):
    evidence = job.product.model.evidence
    ratios, folds = np.abs(evidence.steps), evidence.folds
    levels = (0.5, 0.9)
    held = [0, 0]
    for fold in range(5):
        for index, level in enumerate(levels):
            half = conformal(ratios[folds != fold], level)
            held[index] += (ratios[folds == fold] <= half).sum()
    assert coverage(ratios, folds, levels) == [count / 150 for count in held]
    report = job.product.model.report
    assert report["interval"]["cover"] == pytest.approx(held[1] / 150)
    assert (
        f"held {100 * held[1] / 150:.1f} % of the samples that were left out" in Reader(page).text
    )


def test_classes_have_their_confusion_and_reliability(class_job, class_page):
    metrics = pytest.importorskip("sklearn.metrics")
    evidence, legend = class_job.product.model.evidence, class_job.product.legend
    truth, found = evidence.samples.values.astype(int), evidence.predicted
    reader = Reader(class_page)
    start = next(i for i, row in enumerate(reader.cells) if row[0].startswith("true"))
    matrix = [[int(cell) for cell in row[1:]] for row in reader.cells[start + 1 : start + 4]]
    assert matrix == metrics.confusion_matrix(truth, found).tolist()
    assert [row[0] for row in reader.cells[start + 1 : start + 4]] == list(legend.names)
    assert card(class_page, "Accuracy") == (
        f"{100 * metrics.accuracy_score(truth, found):.1f}\N{NO-BREAK SPACE}%"
    )
    assert card(class_page, "Macro F1") == f"{metrics.f1_score(truth, found, average='macro'):.3f}"
    error = class_job.product.model.report["expected_calibration_error"]
    assert f"Expected calibration error {error:.3f}" in reader.text
    each = next(i for i, row in enumerate(reader.cells) if row[0] == "class") + 1
    recall = metrics.recall_score(truth, found, average=None)
    assert [row[3] for row in reader.cells[each : each + 3]] == [
        f"{100 * one:.0f}\N{NO-BREAK SPACE}%" for one in recall
    ]
    wrong = next(i for i, row in enumerate(reader.cells) if row[0] == "no.") + 1
    rows = [int(row[1]) - 1 for row in reader.cells[wrong : wrong + 3]]
    assert all(truth[row] != found[row] for row in rows)
    assert evidence.chances[rows, 1].max() <= np.sort(evidence.chances[truth != found, 1])[2]


def test_equal_maps_have_equal_pages(encoder, samples, page):
    assert "<code>map.tif</code>" in page
    again = job_of(encoder, samples, method="gaussian", folds="random")
    assert map_page(again, raster="/elsewhere/map.tif").render() == page


def test_a_page_of_kriging_has_its_variogram(encoder, samples):
    words = Reader(map_page(job_of(encoder, samples, method="kriging")).render()).text
    assert "Variogram of the errors" in words
    assert "Matérn and noise, as fitted" in words
    assert "what predictors explain" not in words  # there are none
    assert "left out with its fold: 5 folds as far apart as pixels are from samples" in words


def test_numbers_on_another_scale_are_told_on_their_own(encoder):
    places = fibonacci_lattice(120)
    values = np.exp(3 + unit_vectors(*places.T)[2] + np.random.default_rng(0).normal(0, 0.2, 120))
    values[7] *= 50
    job = job_of(encoder, Samples.of(places, values, name="people"), method="linear",
                 transform="log1p")  # fmt: skip
    evidence = job.product.model.evidence
    assert evidence.alone.rows[np.abs(evidence.alone.steps).argmax()] == 7
    assert evidence.alone.without[7] == pytest.approx(values[7] / 50, rel=0.8)
    steps = (np.log1p(values) - np.log1p(evidence.predicted)) / evidence.steps
    assert (steps > 0).all()
    words = Reader(map_page(job).render()).text
    assert "log1p: learnt on that scale" in words


def test_many_samples_are_drawn_from_and_that_is_said(encoder, monkeypatch):
    """With fewer than many, that the test may be fast."""
    monkeypatch.setattr(regression, "LOOKED_AT", 60)
    monkeypatch.setattr(evidence_figures, "MOST_DOTS", 120)
    monkeypatch.setattr(mapreport, "_MOST_ON_MAP", 90)
    monkeypatch.setattr(products_evidence, "MOST_PAIRED", 100)
    places = np.random.default_rng(0).uniform((-180, -60), (180, 70), (200, 2))
    values = places[:, 1] + np.random.default_rng(1).normal(0, 5, 200)
    values[31] += 90
    job = job_of(encoder, Samples.of(places, values), method="linear", folds="random")
    evidence = job.product.model.evidence
    assert len(evidence.alone.rows) == 60
    assert len(evidence.pairing.rows) == 100
    # Those that are furthest from what their fold predicts, the one that is off among them.
    steps = np.abs(evidence.steps)
    assert set(evidence.alone.rows) == set(np.argsort(-steps)[:60])
    assert evidence.alone.rows[np.abs(evidence.alone.steps).argmax()] == 31
    words = Reader(map_page(job).render()).text
    assert "120 of 200 samples, drawn at random" in words
    assert "100 of 200 samples, drawn at random" in words
    assert "90 of 200 samples on the map, drawn at random" in words
    assert "Looked at: the 60 of 200 samples that are furthest" in words


def test_a_mean_of_methods_says_what_its_parts_say(encoder):
    """Values of the place and of the embedding, so that each method has its share."""
    places = np.random.default_rng(2).uniform((-60, -40), (60, 40), (70, 2))
    embeddings = encoder.encode(places).astype(float)
    values = embeddings[:, 0] / embeddings[:, 0].std() + np.sin(places[:, 0] / 15)
    values += np.random.default_rng(3).normal(0, 0.3, 70)
    xyz, folds = unit_vectors(*places.T).T, np.arange(70) % 5
    learnt = Regression(TrainingSet(embeddings, xyz, folds), values)
    fitted = learnt.fit("auto")
    assert fitted.model.method == "stack"
    stack, found = fitted.model.predictor, learnt.influence(fitted)
    parts = {name: learnt.influence(learnt.fit(name)) for name in stack.weights}
    mean = sum(share * parts[name].without for name, share in stack.weights.items())
    np.testing.assert_allclose(found.without, mean)
    np.testing.assert_allclose(found.errors, parts[stack.main].errors)
    assert learnt.remainder(fitted, np.arange(70)) is not None


def test_doubts_are_told_in_the_words_of_the_client(encoder, samples):
    values = samples.values.copy()
    values[:6] = -9999
    job = job_of(encoder, Samples.of(samples.lonlat, values, name="v"), method="linear")
    made = map_page(job, worded=lambda doubt: f"said otherwise: {doubt}"[:40]).render()
    assert "said otherwise: 6 of 150 values" in made


def test_files_are_written_whole_and_never_over_another(job, page, tmp_path):
    path = write_map_report(tmp_path / "report.html", job, raster="map.tif")
    assert path.read_text("utf-8") == page
    with pytest.raises(OutputError, match=r"report.html exists: give another name, or overwrite"):
        write_map_report(path, job)
    write_map_report(path, job, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    numbers = write_map_report(tmp_path / "report.json", job)
    assert json.loads(numbers.read_text("utf-8")) == json.loads(
        json.dumps(job.product.model.report)
    )
    with pytest.raises(OutputError, match=r"let it end in .html or .json"):
        write_map_report(tmp_path / "report.pdf", job)
    with pytest.raises(OutputError, match="does not exist: create it"):
        write_map_report(tmp_path / "no" / "report.html", job)


def test_a_map_fitted_without_evidence_has_no_page(encoder, samples, tmp_path):
    wanted = MapOf(samples, method="linear", folds="random")
    job = RasterRequest(WORLD, wanted, encoder.name).prepare(encoder=encoder)
    with pytest.raises(InputError, match="fit it from its samples, with their evidence kept"):
        write_map_report(tmp_path / "report.html", job)
    assert not list(tmp_path.iterdir())


# --- building blocks ------------------------------------------------------------------------


def decoded(uri):
    """A PNG's pixels (rows, cols, 4), by GDAL."""
    rasterio = pytest.importorskip("rasterio")
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    with rasterio.MemoryFile(data) as file, file.open() as dataset:
        table = dataset.colormap(1)
        return np.array([table[value] for value in dataset.read(1).ravel()]).reshape(
            *dataset.shape, 4
        )


def test_pictures_are_what_other_programs_read():
    index = np.array([[0, 1, 2], [2, 200, 1]], np.uint8)
    pixels = decoded(indexed_png(index, [(1, 2, 3), (40, 50, 60), (255, 0, 9)]))
    assert pixels[0].tolist() == [[1, 2, 3, 255], [40, 50, 60, 255], [255, 0, 9, 255]]
    assert pixels[1, 1, 3] == 0
    pixels = decoded(classes_png(np.array([[7, 30], [255, 7]]), (7, 30), ((1, 1, 1), (2, 2, 2))))
    assert pixels[..., 3].tolist() == [[255, 255], [0, 255]]
    assert pixels[0, :, 0].tolist() == [1, 2]


def test_a_ramp_goes_from_its_first_colour_to_its_last():
    values = np.linspace(0, 100, 101)[None]
    values[0, 50] = np.nan
    ramp = Ramp.over(VIRIDIS, values)
    assert (ramp.low, ramp.high) == tuple(np.nanpercentile(values, (2, 98)))
    assert ramp.beyond == (True, True)
    pixels = decoded(ramp.png(values.copy()))
    assert tuple(pixels[0, 0, :3]) == rgb(VIRIDIS[0])
    assert tuple(pixels[0, 100, :3]) == rgb(VIRIDIS[-1])
    assert pixels[0, 50, 3] == 0


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (1234.56, "1,230"), (-0.01234, "−0.0123"), (99999, "100,000"),
     (12, "12"), (12.04, "12.0"),
     (float("nan"), "–"), (3e12, "3.00e12"), (2.5e-9, "2.50e−9")],
)  # fmt: skip
def test_numbers_for_people(value, words):
    assert said(value) == words


def test_ticks_are_round_and_within():
    assert ticks(0.13, 0.87).tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert tick_texts(ticks(0.13, 0.87)) == ["0.2", "0.4", "0.6", "0.8"]
    assert tick_texts(ticks(-1900, 2600)) == ["−1,000", "0", "1,000", "2,000"]


def test_a_plot_puts_points_where_they_belong():
    plot = Plot(Axis("x", 0, 10), Axis("y", -1, 1))
    plot.line([0, 10], [-1, 1], 0, "a line & more")
    across, up = plot.across([0, 5, 10]), plot.up([-1, 0, 1])
    assert across[1] == pytest.approx((across[0] + across[2]) / 2)
    assert up[0] > up[1] > up[2]
    made = plot.render("one", "a < b")
    assert f"M{across[0]:.1f} {up[0]:.1f}L{across[2]:.1f} {up[2]:.1f}" in made
    assert "a line &amp; more" in made
    assert "a &lt; b" in made
    log = Axis("x", 1, 1000, log=True)
    assert log.share([1, 10, 1000]).tolist() == pytest.approx([0, 1 / 3, 1])


def test_a_page_of_ones_own():
    page = Page("Mine & yours")
    page.heading("<h>").paragraph("a < b").facts([("n", text("x & y"))])
    page.figure("f", Plot(Axis("x", 0, 1), Axis("y", 0, 1)).render("p", "nothing"), "c")
    page.html(table([Column("a", number=False), Column("b")], [[text("<r>"), "1"]]))
    reader = Reader(page.render())
    assert reader.cells == [["a", "b"], ["<r>", "1"]]
    assert "a < b" in reader.text
    assert "Mine & yours" in reader.text


# --- maps -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "bounds", "res", "places"),
    [
        ("EPSG:4326", (170, -20, 190, 10), 1, [(175.25, 3.5), (-175, 0), (0, 0), (178, 50)]),
        ("EPSG:32632", (300000, 5000000, 800000, 5600000), 5000, [(9, 47), (11, 46.5), (50, 0)]),
    ],
)
def test_places_lie_where_pyproj_puts_them(crs, bounds, res, places):
    pyproj = pytest.importorskip("pyproj")
    grid = Grid.from_bounds(bounds, res, crs)
    locator = Locator(grid)
    found = locator.cells(np.array(places, float))
    there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    for (lon, lat), cell in zip(places, found):
        x, y = there.transform(lon + (360 if crs == "EPSG:4326" and lon < -90 else 0), lat)
        column, row = (x - bounds[0]) / res, (bounds[3] - y) / res
        if 0 <= column <= grid.shape[1] and 0 <= row <= grid.shape[0]:
            assert cell == pytest.approx([column, row], abs=1e-3)
        else:
            assert np.isnan(cell).all()
    assert locator.holds(np.array(places, float)).tolist() == np.isfinite(found[:, 0]).tolist()


@pytest.mark.parametrize(
    ("crs", "bounds", "res"),
    [
        ("EPSG:4326", (170, -20, 190, 10), 0.5),
        ("EPSG:4326", (-180, -90, 180, 90), 2),
        ("EPSG:3857", (-2e7, -1.5e7, 2e7, 1.5e7), 2e5),
        ("EPSG:3413", (-4e6, -4e6, 4e6, 4e6), 5e4),  # around the pole
        ("ESRI:54030", (-1.8e7, -9e6, 1.8e7, 9e6), 1e5),  # with corners off the Earth
        ("EPSG:4326", (8, 47, 8.001, 47.001), 0.0001),
    ],
)
def test_frames_of_all_kinds_of_maps(crs, bounds, res):
    grid = Grid.from_bounds(bounds, res, crs)
    frame = MapFrame(Locator(coarse_grid(grid, 2000)))
    shape = frame.locator.grid.shape
    assert shape[0] * shape[1] <= 2000
    assert frame.locator.grid.bounds == pytest.approx(grid.bounds)
    frame.hatched(np.ones(shape, bool), "h").shapes(np.array([[8.0, 47.0]]), 3)
    made = frame.numbered(np.array([[8.0, 47.0]])).render("m", "a map")
    Reader(made)
    assert "nan" not in made
    assert "inf" not in made
    assert re.search(r"\d+ k?m", made)
    assert "°" in made or crs == "ESRI:54030"


def test_a_scale_bar_is_as_long_as_it_says():
    pyproj = pytest.importorskip("pyproj")
    grid = Grid.from_bounds((5, 45, 11, 48), 0.05)
    frame = MapFrame(Locator(grid))
    made = frame.render("m", "a map")
    length = float(re.search(r'bar-line" d="M[\d.]+ [\d.]+v5h([\d.]+)', made).group(1))
    km = float(re.search(r">([\d,]+) km", made).group(1).replace(",", ""))
    width = float(re.search(r'class="frame" x="[\d.]+" y="[\d.]+" width="([\d.]+)"', made).group(1))
    sphere = pyproj.Geod(a=6371008.8, b=6371008.8)
    across = sphere.inv(8, 46.5, 8.05, 46.5)[2] / 1000 * grid.shape[1]
    assert length / width == pytest.approx(km / across, rel=0.01)


# --- in a browser ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.skip("no Chromium is installed: the page is not looked at in a browser")
    return found


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out_of_the_window(width, page, class_page, chromium, tmp_path):
    """At the width of a phone and of a desk: no picture or table is wider than the page."""
    for name, made in (("numbers", page), ("classes", class_page)):
        (tmp_path / f"{name}.html").write_text(made, "utf-8")
    script = """<body><script>
    const found = [];
    async function look(name) {
      const frame = document.createElement("iframe");
      frame.style = "width:WIDTHpx;height:900px;border:0";
      frame.src = name + ".html";
      await new Promise(done => { frame.onload = done; document.body.append(frame); });
      const page = frame.contentDocument, root = page.documentElement;
      const sizes = [...page.querySelectorAll("figure svg.plot")]
        .map(one => one.getBoundingClientRect());
      const least = Math.min(...sizes.map(one => one.width));
      const right = Math.max(...sizes.map(one => one.right));
      found.push([name, root.scrollWidth - root.clientWidth, sizes.length, least, right,
                  page.querySelectorAll("figure image").length].join(" "));
    }
    look("numbers").then(() => look("classes")).then(() => {
      document.body.textContent = "FOUND " + found.join(";") + " END"; });
    </script></body>""".replace("WIDTH", str(width))
    (tmp_path / "frame.html").write_text(script)
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
               f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000",
               "--dump-dom"]  # fmt: skip
    said = subprocess.run(
        [chromium, *options, (tmp_path / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"FOUND (.*) END", said.stdout)
    assert found, said.stderr[-500:]
    for line in found.group(1).split(";"):
        _, beyond, count, least, right, images = line.split()
        assert int(beyond) <= 0
        assert int(count) >= 5
        assert float(least) > 250
        assert float(right) <= width
        assert int(images) >= 3
