"""docs/formats.md, row by row: what the page says of tables of points is what happens.

Each table of the page is made here again, from files written without this project and results
read without it (sqlite3, json, csv, pyarrow); a row of the page that differs, or is not here, or
is missing there, fails. `python tests/core/test_points_formats.py` prints the tables anew.
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import functools
import gzip
import io
import json
import re
import sqlite3
import struct
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from satclip_cli.words import worded
from satclip_core.errors import InputError, SatclipError
from satclip_core.models.registry import load_encoder
from satclip_core.points import PointsRequest, SamplesRequest, embed_points, read_samples

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pyogrio = pytest.importorskip("pyogrio")
gpd = pytest.importorskip("geopandas")
shapely = pytest.importorskip("shapely")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
TARGETS = ("gpkg", "geojson", "parquet", "csv")
PLACES = [(5.5, 45.25), (-6.5, -46.25)]


@pytest.fixture(scope="module", name="encoder")
def _encoder(small_model: Path):
    return load_encoder(small_model)


def run(encoder, source, target, **options):
    request = PointsRequest(str(source), str(target), array="embedding", **options)
    return embed_points(encoder, request)


def code(text: object) -> str:
    """Text as Markdown's code, within a table."""
    shown = str(text).replace("\r\n", "⏎").replace("\r", "␍").replace("\n", "⏎")
    shown = shown.replace("\t", "⇥").replace("|", "\\|")
    return f"`{shown}`"


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


@functools.cache
def page_rows(heading: str) -> tuple[str, ...]:
    """The rows of the table under a heading of the page, without its own two."""
    text = PAGE.read_text("utf-8")
    section = re.search(rf"^### {re.escape(heading)}$(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert section, f"docs/formats.md has no heading {heading!r}"
    return tuple(row for row in section[1].splitlines() if row.startswith("|"))[2:]


def holds(heading: str, row: str) -> None:
    rows = page_rows(heading)
    assert row in rows, "docs/formats.md says otherwise:\n" + "\n".join(
        said for said in rows if said.split("|")[1] == row.split("|")[1]
    )


# Reading results without this project.


def read_gpkg(path: Path) -> tuple[list[dict], dict[str, str]]:
    """Rows and declared types; the geometry as WKT."""
    with closing(sqlite3.connect(path)) as base:
        base.row_factory = sqlite3.Row
        (name,) = base.execute("select table_name from gpkg_contents").fetchone()
        types = {row[1]: row[2] for row in base.execute(f'pragma table_info("{name}")')}
        rows = [dict(row) for row in base.execute(f'select * from "{name}"')]
    for row in rows:
        for key, value in row.items():
            if isinstance(value, bytes) and value[:2] == b"GP":
                envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[value[3] >> 1 & 7]
                row[key] = wkt(value[8 + envelope :])
    return rows, types


def read_csv(path: Path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wkt(wkb: bytes) -> str:
    return str(shapely.to_wkt(shapely.from_wkb(wkb), trim=True, output_dimension=4))


# Types of columns.

TIME = dt.datetime(2024, 7, 1, 12, 0)
FINE = TIME.replace(microsecond=123456)
PARIS = "Europe/Paris"
BIG = 2**64 - 1


def extension(make, *values):
    return pa.ExtensionArray.from_storage(make, pa.array(values, make.storage_type))


TYPES = {
    "int8, int16, int32, int64": lambda: pa.array([2**63 - 1]),
    "uint8, uint16, uint32": lambda: pa.array([2**32 - 1], pa.uint32()),
    "uint64 within int64": lambda: pa.array([2**63 - 1], pa.uint64()),
    "uint64": lambda: pa.array([BIG], pa.uint64()),
    "float32": lambda: pa.array([0.1], pa.float32()),
    "float64": lambda: pa.array([0.1]),
    "float64, infinite": lambda: pa.array([float("inf")]),
    "decimal": lambda: pa.array([decimal.Decimal("12345678901234567.80")]),
    "bool": lambda: pa.array([True]),
    "string, large_string": lambda: pa.array(["é"], pa.large_string()),
    "string_view": lambda: pa.array(["é"], pa.string_view()),
    "binary": lambda: pa.array([b"\0\xff"]),
    "binary_view": lambda: pa.array([b"\0\xff"], pa.binary_view()),
    "dictionary (category)": lambda: pa.array(["a"]).dictionary_encode(),
    "run_end_encoded": lambda: pa.RunEndEncodedArray.from_arrays([1], ["a"]),
    "date": lambda: pa.array([dt.date(1800, 1, 5)]),
    "time": lambda: pa.array([dt.time(1, 2, 3, 4567)]),
    "timestamp": lambda: pa.array([TIME], pa.timestamp("us")),
    "timestamp, microseconds": lambda: pa.array([FINE], pa.timestamp("us")),
    "timestamp, nanoseconds": lambda: pa.array([1719835200123456789], pa.timestamp("ns")),
    "timestamp in UTC": lambda: pa.array([TIME], pa.timestamp("ms", "UTC")),
    "timestamp with an offset": lambda: pa.array([TIME], pa.timestamp("us", "+05:45")),
    "timestamp with an odd offset": lambda: pa.array([TIME], pa.timestamp("us", "+00:19")),
    "timestamp in a named zone": lambda: pa.array([TIME], pa.timestamp("us", PARIS)),
    "duration": lambda: pa.array([dt.timedelta(days=-1, seconds=5, microseconds=500_000)]),
    "month_day_nano_interval": lambda: pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "list of numbers": lambda: pa.array([[1, BIG]], pa.list_(pa.uint64())),
    "list of texts": lambda: pa.array([["b", None]]),
    "list of dates": lambda: pa.array([[dt.date(2024, 1, 1)]]),
    "list_view": lambda: pa.array([[1]], pa.list_view(pa.int32())),
    "struct": lambda: pa.array([{"a": 1, "b": decimal.Decimal("1.10")}]),
    "map": lambda: pa.array([[("a", TIME)]], pa.map_(pa.string(), pa.timestamp("ms"))),
    "arrow.json": lambda: extension(pa.json_(), f'{{"a":{BIG}}}'),
    "arrow.uuid": lambda: extension(pa.uuid(), UUID(int=7).bytes),
    "null": lambda: pa.nulls(1),
}


@functools.cache
def newest_pyarrow() -> bool:
    return all(hasattr(pa, name) for name in ("json_", "uuid", "string_view", "list_view"))


def with_null(column):
    """The value, and a row without one."""
    if pa.types.is_run_end_encoded(column.type):
        return pa.RunEndEncodedArray.from_arrays([1, 2], pa.array(["a", None]))
    if isinstance(column.type, pa.BaseExtensionType):
        storage = pa.concat_arrays([column.storage, pa.nulls(1, column.storage.type)])
        return pa.ExtensionArray.from_storage(column.type, storage)
    return pa.concat_arrays([column, pa.nulls(1, column.type)])


def types_row(encoder, folder: Path, name: str) -> str:
    """What becomes of a value, format by format."""
    column = with_null(TYPES[name]())
    table = pa.table({"lon": [5.5, 6.5], "lat": [45.25, 46.25]}).append_column("v", column)
    source = folder / "in.feather"
    cells = [name, code(shown(column[0]))]
    for suffix in TARGETS:
        target = folder / f"out.{suffix}"
        embed_table(encoder, table, source, target)
        values, kind = column_of(target)
        assert values[1] in (None, ""), f"null became {values[1]!r} in {suffix}"
        value = "—" if values[0] in (None, "") else code(values[0])
        cells.append(f"{kind} {value}".strip())
    return line(*cells)


def embed_table(encoder, table, source: Path, target: Path):
    """Through Parquet; types that a Parquet file cannot hold come from a table in memory."""
    try:
        pq.write_table(table, source.with_suffix(".parquet"))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return embed_in_memory(encoder, table, target)
    return run(encoder, source.with_suffix(".parquet"), target)


def embed_in_memory(encoder, table, target: Path):
    from satclip_core.points import embed
    from satclip_core.points.adding import Embedding
    from satclip_core.points.embedder import Embedder
    from satclip_core.points.table import Table

    source = Table("memory", table.schema, iter(table.to_batches()), columns=(0, 1))
    request = PointsRequest("memory.parquet", str(target), array="embedding")
    work = embed._table_to_csv if target.suffix == ".csv" else embed._table_to_file
    return work(source, request, Embedder(Embedding(encoder, request), request))


def shown(value) -> str:
    """A value of the table as people would write it."""
    if pa.types.is_timestamp(value.type) or pa.types.is_duration(value.type):
        return (
            value.cast(pa.string()).as_py() if pa.types.is_timestamp(value.type) else "-86394.5 s"
        )
    return str(value.as_py())


def column_of(path: Path) -> tuple[list, str]:
    """Values of the column v, and what the file says of its type."""
    if path.suffix == ".gpkg":
        rows, types = read_gpkg(path)
        return [row["v"] for row in rows], types["v"]
    if path.suffix == ".geojson":
        features = json.loads(path.read_text("utf-8"))["features"]
        values = [feature["properties"].get("v") for feature in features]
        return [v if v is None else json.dumps(v, ensure_ascii=False) for v in values], ""
    if path.suffix == ".parquet":
        column = pq.read_table(path)["v"]
        kept = [None if value.as_py() is None else shown(value) for value in column]
        return kept, str(column.type).replace("[pyarrow]", "")
    return [row["v"] for row in read_csv(path)], ""


@pytest.mark.parametrize("name", TYPES)
def test_types(encoder, tmp_path, name):
    if not newest_pyarrow():
        pytest.skip("this pyarrow does not know all of the types on the page")
    holds("Types of columns", types_row(encoder, tmp_path, name))


# How a CSV may be written: what it is, its text, the places read.

CSVS = {
    "comma": ("lon,lat,name\n5.5,45.25,a\n-6.5,-46.25,b\n", "utf-8"),
    "semicolon and decimal comma": ("lon;lat;name\n5,5;45,25;a\n-6,5;-46,25;b\n", "utf-8"),
    "tab": ("lon\tlat\tname\n5.5\t45.25\ta\n-6.5\t-46.25\tb\n", "utf-8"),
    "bar": ("lon|lat|name\n5.5|45.25|a\n-6.5|-46.25|b\n", "utf-8"),
    "Excel's first line": ("sep=;\nlon;lat;name\n5,5;45,25;a\n-6,5;-46,25;b\n", "utf-8"),
    "line ends of CR": ("lon;lat;name\r5,5;45,25;a\r-6,5;-46,25;b\r", "utf-8"),
    "line ends of CR LF": ("lon,lat,name\r\n5.5,45.25,a\r\n-6.5,-46.25,b\r\n", "utf-8"),
    "line breaks in the header": (
        '"lon\n(deg)";"lat\n(deg)";name\n5,5;45,25;a\n-6,5;-46,25;b\n',
        "utf-8",
    ),
    "units in the header": ("lon [°],lat [°],name\n5.5,45.25,a\n-6.5,-46.25,b\n", "utf-8"),
    "decimal comma in quotes": ('lon,lat,name\n"5,5","45,25",a\n"-6,5","-46,25",b\n', "utf-8"),
    "minus sign": ("lon,lat,name\n5.5,45.25,a\n−6.5,−46.25,b\n", "utf-8"),
    "line breaks and delimiters in quotes": (
        'lon,lat,name\n5.5,45.25,"a\nof, two ""lines"""\n-6.5,-46.25,b\n',
        "utf-8",
    ),
    "tab, quotes as text": (
        'lon\tlat\tname\n5.5\t45.25\t"a, left\n-6.5\t-46.25\tpipe 12"\n',
        "utf-8",
    ),
    "tab, consistent quotes": ('lon\tlat\tname\n5.5\t45.25\t"a"\n-6.5\t-46.25\t"b\tc"\n', "utf-8"),
    "row names of R's write.csv": ('"","lon","lat"\n"a",5.5,45.25\n"b",-6.5,-46.25\n', "utf-8"),
    "row names of R's write.table": ('"lon" "lat"\n"a" 5.5 45.25\n"b" -6.5 -46.25\n', "utf-8"),
    "names of Darwin Core": (
        "decimalLongitude\tdecimalLatitude\n5.5\t45.25\n-6.5\t-46.25\n",
        "utf-8",
    ),
    "byte-order mark": ("lon,lat,name\n5.5,45.25,é\n-6.5,-46.25,b\n", "utf-8-sig"),
    "UTF-16 with its mark": ("lon,lat,name\n5.5,45.25,é\n-6.5,-46.25,b\n", "utf-16"),
    "quotes that swallow rows": ('lon,lat,name\n5.5,45.25,"a\n-6.5,-46.25,b"\n', "utf-8"),
    "a quote that never closes": ('lon,lat,name\n5.5,45.25,"a\n-6.5,-46.25,b\n', "utf-8"),
    "a row that does not fit": ("lon,lat,name\n5.5,45.25\n-6.5,-46.25,b\n", "utf-8"),
    "other encodings, unsaid": ("lon,lat,name\n5.5,45.25,é\n-6.5,-46.25,b\n", "cp1252"),
}


def csv_row(encoder, folder: Path, name: str) -> str:
    """What is read of a CSV on its way to each format: the same of all, or the same refusal."""
    text, encoding = CSVS[name]
    source = folder / "in.csv"
    source.write_bytes(text.encode(encoding))
    outcomes = [csv_outcome(encoder, source, folder / f"out.{suffix}") for suffix in TARGETS]
    assert len(set(outcomes)) == 1, outcomes
    return line(name, code(text), outcomes[0])


def csv_outcome(encoder, source: Path, target: Path) -> str:
    try:
        result = run(encoder, source, target)
    except InputError as error:
        assert not target.exists()
        said = worded(error, "points")  # users of the page type options
        return "refused: " + said.replace(f"{source.parent}/", "").replace("|", "\\|")
    assert (result.rows, result.empty) == (2, 0)
    np.testing.assert_array_equal(embeddings_of(target), expected(encoder))
    return "read"


@functools.cache
def expected(encoder) -> np.ndarray:
    return encoder.encode(PLACES)


def embeddings_of(path: Path) -> np.ndarray:
    """The result's column of embeddings."""
    if path.suffix == ".gpkg":
        cells = [json.loads(row["embedding"]) for row in read_gpkg(path)[0]]
    elif path.suffix == ".geojson":
        features = json.loads(path.read_text("utf-8"))["features"]
        cells = [feature["properties"]["embedding"] for feature in features]
    elif path.suffix == ".parquet":
        cells = pq.read_table(path)["embedding"].to_pylist()
    else:
        text = path.read_text("utf-8")
        delimiter = text[text.index("embedding") - 1]  # that of the table, if it was a CSV
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
        cells = [json.loads(row["embedding"]) for row in rows]
    return np.array(cells, np.float32)


@pytest.mark.parametrize("name", CSVS)
def test_csv(encoder, tmp_path, name):
    holds("CSV", csv_row(encoder, tmp_path, name))


# Formats, and where files may lie.


def frame():
    points = shapely.points(PLACES)
    return gpd.GeoDataFrame({"n": [1.5, 2.5]}, geometry=points, crs="EPSG:4326")


def geoarrow(folder: Path, extension_name: str, values, crs='{"crs":"OGC:CRS84"}') -> Path:
    """A Parquet file whose field says what it is, as writers without GeoParquet leave it."""
    metadata = {"ARROW:extension:name": extension_name, "ARROW:extension:metadata": crs}
    fields = [pa.field("n", pa.float64()), pa.field("shape", values.type, metadata=metadata)]
    table = pa.table([pa.array([1.5, 2.5]), values], schema=pa.schema(fields))
    pq.write_table(table, folder / "plots.parquet")
    return folder / "plots.parquet"


WKB = shapely.to_wkb(shapely.points(PLACES))


def native(folder: Path, metadata: str) -> Path:
    """A column of Parquet's own type: what pyarrow makes of an extension type of that name."""

    class Wkb(pa.ExtensionType):
        def __init__(self):
            super().__init__(pa.binary(), "geoarrow.wkb")

        def __arrow_ext_serialize__(self):
            return metadata.encode()

        @classmethod
        def __arrow_ext_deserialize__(cls, storage, serialized):
            return cls()

    column = pa.ExtensionArray.from_storage(Wkb(), pa.array(WKB, pa.binary()))
    table = pa.table({"n": [1.5, 2.5], "shape": column})
    pq.write_table(table, folder / "plots.parquet", store_schema=False)
    kind = pq.ParquetFile(folder / "plots.parquet").schema.column(1).logical_type
    if "Geo" not in str(kind):
        pytest.skip("this pyarrow does not write Parquet's own geometry types")
    return folder / "plots.parquet"


def written(folder: Path, name: str, **options) -> Path:
    frame().to_file(folder / name, **options)
    return folder / name


def plain_csv(folder: Path, name: str = "plots.csv") -> Path:
    rows = [f"{lon},{lat},{n}" for (lon, lat), n in zip(PLACES, (1.5, 2.5))]
    (folder / name).write_text("\n".join(["lon,lat,n", *rows]) + "\n")
    return folder / name


def plain_parquet(folder: Path) -> Path:
    lon, lat = zip(*PLACES)
    table = pa.table({"lon": lon, "lat": lat, "n": [1.5, 2.5]})
    pq.write_table(table, folder / "plots.parquet")
    return folder / "plots.parquet"


def geoparquet(folder: Path, **options) -> Path:
    frame().to_parquet(folder / "plots.parquet", **options)
    return folder / "plots.parquet"


def parquet_folder(folder: Path) -> Path:
    (folder / "plots").mkdir()
    for row in range(2):
        frame()[row : row + 1].to_parquet(folder / "plots" / f"part-{row}.parquet")
    (folder / "plots" / "_about.json").write_text("{}")
    return folder / "plots"


def styled(folder: Path) -> Path:
    written(folder, "plots.gpkg", layer="plots")
    style = pa.table({"f_table_name": ["plots"], "styleName": ["red"]})
    pyogrio.write_arrow(
        style, folder / "plots.gpkg", layer="layer_styles", driver="GPKG", append=False
    )
    return folder / "plots.gpkg"


def zipped(folder: Path, *files: Path) -> Path:
    with zipfile.ZipFile(folder / "plots.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return folder / "plots.zip"


def shapefile_zip(folder: Path) -> Path:
    (folder / "shp").mkdir()
    written(folder / "shp", "plots.shp")
    return zipped(folder, *sorted((folder / "shp").iterdir()))


def gzipped(folder: Path) -> Path:
    path = folder / "plots.csv.gz"
    path.write_bytes(gzip.compress(plain_csv(folder).read_bytes()))
    return path


# Named by what is given; each makes the file and says how it is given.
SOURCES = {
    "CSV": lambda f: plain_csv(f),
    "CSV, tab-separated": lambda f: Path(
        (f / "plots.tsv").write_text(plain_csv(f).read_text().replace(",", "\t"))
        and f / "plots.tsv"
    ),
    "CSV, packed": gzipped,
    "Parquet with columns of coordinates": plain_parquet,
    "GeoParquet, WKB": geoparquet,
    "GeoParquet, native points": lambda f: geoparquet(f, geometry_encoding="geoarrow"),
    "folder of Parquet files": parquet_folder,
    "Parquet's own GEOMETRY": lambda f: native(f, "{}"),
    "Parquet's own GEOGRAPHY": lambda f: native(f, '{"edges":"spherical"}'),
    "GeoArrow, geoarrow.wkb": lambda f: geoarrow(f, "geoarrow.wkb", pa.array(WKB)),
    "GeoArrow, ogc.wkb": lambda f: geoarrow(f, "ogc.wkb", pa.array(WKB, pa.large_binary())),
    "GeoArrow, geoarrow.wkt": lambda f: geoarrow(
        f, "geoarrow.wkt", pa.array([f"POINT ({x} {y})" for x, y in PLACES])
    ),
    "GeoArrow, geoarrow.point": lambda f: geoarrow(
        f, "geoarrow.point", pa.array([{"x": x, "y": y} for x, y in PLACES])
    ),
    "GeoArrow, geoarrow.point in a row": lambda f: geoarrow(
        f, "geoarrow.point", pa.array([list(p) for p in PLACES], pa.list_(pa.float64(), 2))
    ),
    "GeoPackage": lambda f: written(f, "plots.gpkg"),
    "GeoPackage with styles of QGIS": styled,
    "GeoJSON": lambda f: written(f, "plots.geojson"),
    "Shapefile": lambda f: written(f, "plots.shp"),
    "FlatGeobuf": lambda f: written(f, "plots.fgb"),
    "GeoJSONSeq": lambda f: written(f, "plots.geojsonl", driver="GeoJSONSeq"),
    "Shapefile in a zip archive": shapefile_zip,
    "the only table in a zip archive": lambda f: zipped(f, plain_csv(f)),
    "member of a zip archive": lambda f: f"zip://{zipped(f, plain_csv(f))}!plots.csv",
    "member of a zip archive, Parquet": lambda f: f"{zipped(f, geoparquet(f))}!plots.parquet",
    "member of a zip archive, as GDAL has it": lambda f: (
        f"/vsizip/{zipped(f, plain_csv(f))}/plots.csv"
    ),
    "layer in a zip archive, as GDAL has it": lambda f: f"/vsizip/{shapefile_zip(f)}/plots.shp",
    "on the web, CSV": lambda f: f"{served(f)}/{plain_csv(f).name}",
    "on the web, GeoParquet": lambda f: f"{served(f)}/{geoparquet(f).name}",
    "on the web, GeoJSON": lambda f: f"{served(f)}/{written(f, 'plots.geojson').name}",
    "on the web, as GDAL has it": lambda f: f"/vsicurl/{served(f)}/{plain_csv(f).name}",
    "in an archive on the web": lambda f: (
        f"/vsizip//vsicurl/{served(f)}/{zipped(f, plain_csv(f)).name}/plots.csv"
    ),
}
_servers: list[subprocess.Popen[str]] = []
# In a process of its own: pyogrio keeps Python's lock while GDAL waits for an answer.
_SERVE = """
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
handler = functools.partial(Quiet, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def served(folder: Path) -> str:
    """The address of a server on this machine for a folder."""
    words = [sys.executable, "-c", _SERVE, str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    _servers.append(server)
    return f"http://127.0.0.1:{int(server.stdout.readline())}"


@pytest.fixture(scope="module", autouse=True)
def _stop_servers():
    yield
    stop_servers()


def stop_servers() -> None:
    for server in _servers:
        server.terminate()
        server.wait(10)
        server.stdout.close()
    _servers.clear()


def source_row(encoder, folder: Path, name: str) -> str:
    source = str(SOURCES[name](folder))
    run(encoder, source, folder / "result.parquet")
    np.testing.assert_array_equal(embeddings_of(folder / "result.parquet"), expected(encoder))
    assert pq.read_table(folder / "result.parquet")["n"].to_pylist() in ([1.5, 2.5], ["1.5", "2.5"])
    # Two samples are too few, but they were all read.
    with pytest.raises(InputError, match=r"^2 of 2 samples of 'n' can be used"):
        read_samples(SamplesRequest(source, "n"))
    given = re.sub(r"http://127\.0\.0\.1:\d+/", "https://example.org/", source)
    return line(name, code(given.replace(f"{folder}/", "").replace(f"/{folder}/", "")))


@pytest.mark.parametrize("name", SOURCES)
def test_sources(encoder, tmp_path, name, monkeypatch):
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    holds("Sources", source_row(encoder, tmp_path, name))


# Ids, geometries, times of layers.


def features(folder: Path, *members: dict, geometry='{"type":"Point","coordinates":[5.5,45.25]}'):
    """A GeoJSON file, each feature with these members."""
    whole = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(geometry), **member}
        for member in members
    ]
    path = folder / "in.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": whole}))
    return path


def times(folder: Path, *texts: str) -> Path:
    return features(folder, *({"properties": {"t": text}} for text in texts))


def numbered_gpkg(folder: Path) -> Path:
    """Ids with a gap, by SQL."""
    written(folder, "in.gpkg", layer="in")
    with closing(sqlite3.connect(folder / "in.gpkg")) as base, base:
        triggers = base.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        for (trigger,) in triggers:  # those of the index ask for functions that are GDAL's
            base.execute(f'drop trigger "{trigger}"')
        base.execute('update "in" set fid = fid * 10 + 7')
    return folder / "in.gpkg"


def shaped(folder: Path, wkb: bytes) -> Path:
    """A GeoPackage with a geometry that only GDAL writes: put in by SQL."""
    written(folder, "in.gpkg", layer="in")
    with closing(sqlite3.connect(folder / "in.gpkg")) as base, base:
        triggers = base.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            base.execute(f'drop trigger "{trigger}"')
        header = b"GP\0\1" + struct.pack("<i", 4326)
        base.execute('update "in" set geom = ?', (header + wkb,))
        base.execute(
            "update gpkg_geometry_columns set geometry_type_name = 'GEOMETRY', z = 2, m = 2"
        )
    return folder / "in.gpkg"


def ordinates(code: int, *numbers: float) -> bytes:
    """WKB by ISO 13249-3 of a point, or of a curve through several (kind 8, with a count)."""
    count = [] if code % 1000 == 1 else [struct.pack("<I", len(numbers) // 2)]
    return b"".join(
        [b"\1", struct.pack("<I", code), *count, struct.pack(f"<{len(numbers)}d", *numbers)]
    )


LAYERS = {
    "fid 17 of a GeoPackage": (numbered_gpkg, "fid"),
    "id 1001 of a GeoJSON": (lambda f: features(f, {"id": 1001}, {"id": 1003}), "id"),
    "id 0 of a GeoJSON": (lambda f: features(f, {"id": 0}, {"id": 1}), "id"),
    'id "a7" of a GeoJSON': (lambda f: features(f, {"id": "a7"}, {"id": "b"}), "id"),
    "a GeoJSON without ids": (lambda f: features(f, {}, {}), "id"),
    "a Shapefile, which has no ids": (lambda f: written(f, "in.shp"), "id"),
    "Z": (lambda f: shaped(f, ordinates(1001, 5.5, 45.25, 300)), "geometry"),
    "M": (lambda f: shaped(f, ordinates(2001, 5.5, 45.25, 7)), "geometry"),
    "Z and M": (lambda f: shaped(f, ordinates(3001, 5.5, 45.25, 300, 7)), "geometry"),
    "an arc, with centroids": (
        lambda f: shaped(f, ordinates(8, 5, 45, 5.5, 45.5, 6, 45)),
        "kind",
    ),
    "times without an offset": (lambda f: times(f, "2024-07-01T12:00:00"), "t"),
    "times with one offset": (lambda f: times(f, "2024-07-01T12:00:00+05:45"), "t"),
    "times with several offsets": (
        lambda f: times(f, "2024-07-01T12:00:00+02:00", "2024-07-01T12:00:00-05:00"),
        "t",
    ),
    "times with and without an offset": (
        lambda f: times(f, "2024-07-01T12:00:00", "2024-07-01T12:00:00Z"),
        "t",
    ),
}


def layer_row(encoder, folder: Path, name: str) -> str:
    make, what = LAYERS[name]
    source = make(folder)
    cells = [name]
    for suffix in TARGETS:
        target = folder / f"out.{suffix}"
        run(encoder, source, target, centroid=True)
        found = layer_cell(target, what)
        cells.append("—" if found is None else code(found))
    return line(*cells)


def layer_cell(path: Path, what: str) -> str | None:
    """The first row's id, geometry or time, with the name of where it stands."""
    if path.suffix == ".gpkg":
        rows, _ = read_gpkg(path)
        first = {("fid" if key == "ogc_fid" else key): value for key, value in rows[0].items()}
        if what in ("geometry", "kind"):
            return str(first["geom"]).partition(" (")[0] if what == "kind" else first["geom"]
        if what == "id" and "id" not in first:
            return None
        return f"{what} {first[what]}"
    if path.suffix == ".geojson":
        feature = json.loads(path.read_text("utf-8"))["features"][0]
        if what == "geometry":
            return f"coordinates {json.dumps(feature['geometry']['coordinates'])}"
        if what == "kind":
            return str(feature["geometry"]["type"])
        if what in ("id", "fid"):
            assert what not in feature["properties"]
            return f"id {feature['id']}" if "id" in feature else None
        return f"{what} {feature['properties'][what]}"
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        if what in ("geometry", "kind"):
            geo = json.loads(table.schema.metadata[b"geo"])
            text = wkt(table[geo["primary_column"]][0].as_py())
            return text.partition(" (")[0] if what == "kind" else text
        if what not in table.column_names:
            return None
        value = table[what][0]
        return f"{what} {shown(value)} ({value.type})" if what == "t" else f"{what} {value}"
    row = read_csv(path)[0]
    if what in ("geometry", "kind"):
        keys = ("lon", "lat", "z", "m") if what == "geometry" else ("lon", "lat")
        return ", ".join(f"{key} {float(row[key]):.6g}" for key in keys if row.get(key))
    return f"{what} {row[what]}" if what in row else None


@pytest.mark.parametrize("name", LAYERS)
def test_layers(encoder, tmp_path, name):
    if pyogrio.__gdal_version__ < (3, 11, 0):
        pytest.skip("GDAL gives times with their offsets since 3.11")
    holds("Ids, geometries and times of layers", layer_row(encoder, tmp_path, name))


TABLES = {
    "Sources": (SOURCES, source_row, ("what", "given as")),
    "CSV": (CSVS, csv_row, ("how it is written", "for example", "")),
    "Types of columns": (
        TYPES,
        types_row,
        ("Arrow's type", "for example", "GeoPackage", "GeoJSON", "GeoParquet", "CSV"),
    ),
    "Ids, geometries and times of layers": (
        LAYERS,
        layer_row,
        ("in the layer", "GeoPackage", "GeoJSON", "GeoParquet", "CSV"),
    ),
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_has_no_other_rows(heading):
    names = [row.split(" | ")[0][2:] for row in page_rows(heading)]
    assert names == list(TABLES[heading][0])


def print_tables(model: str) -> None:
    import tempfile

    encoder = load_encoder(model)
    for heading, (rows, make, columns) in TABLES.items():
        print(f"\n### {heading}\n\n{line(*columns)}\n{line(*['---'] * len(columns))}")
        for name in rows:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(make(encoder, Path(folder), name))
                except (SatclipError, AssertionError, KeyError) as error:
                    print("FAILED", name, type(error).__name__, str(error)[:300])


if __name__ == "__main__":
    print_tables(sys.argv[1] if len(sys.argv) > 1 else "bundled")
    stop_servers()
