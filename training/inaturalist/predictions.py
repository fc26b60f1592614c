"""What an image classifier said of the test images: the files that the published codes use.

- `.npy`: (images, species), rows in the order of `images` of the test file, columns in the order
  of the category ids (`val_logits.npy` of the Siren(SH) code). Logits, or probabilities where no
  value is negative and rows sum to 1.
- `.npz` with `logits` or `probs` of the same form, and `ids` of the images where the rows have an
  order of their own.
- `.npz` of `scipy.sparse.save_npz`: probabilities, the small ones left out
  (`inat2018_val_preds_sparse.npz` of Mac Aodha et al. 2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from satclip_core.errors import InputError, SatclipError, require
from satclip_core.types import Floats, Integers

# Rows looked at to tell probabilities from logits; their sum may be off by this much.
SAMPLE_ROWS, SUM_TOLERANCE = 256, 0.02


class ImagePredictions:
    """Log-probabilities of species for images, taken from the file's array a block at a time.

    Args:
        path: the file, for messages.
        values: (rows, C) array or scipy sparse matrix in row form.
        rows: (N,) which row belongs to which image.
        logits: whether the values are logits; probabilities otherwise.
    """

    def __init__(self, path: Path, values: Any, rows: Integers, *, logits: bool) -> None:
        self.path, self._values, self._rows, self._logits = path, values, rows, logits

    def log_probabilities(self, images: slice) -> Floats:
        """log P(y | image) of some images: (n, C); -inf where the probability is 0.

        Raises:
            InputError: a value is not a number, or a probability is negative.
        """
        block = self._values[self._rows[images]]
        block = np.asarray(block.toarray() if hasattr(block, "toarray") else block, np.float64)
        if not np.isfinite(block).all():
            raise InputError(f"{self.path}: holds values that are not finite")
        if self._logits:
            block = block - block.max(1, keepdims=True)
            shifted: Floats = block - np.log(np.exp(block).sum(1, keepdims=True))
            return shifted
        if (block < 0).any():
            raise InputError(f"{self.path}: holds negative probabilities; name logits `logits`")
        with np.errstate(divide="ignore"):
            logarithms: Floats = np.log(block)
        return logarithms


def read_predictions(path: Path, ids: Integers, classes: int) -> ImagePredictions:
    """Open a file of image predictions.

    Args:
        path: see the module for the forms.
        ids: (N,) ids of the images, in the order of their file.
        classes: C, the number of species.

    Raises:
        InputError: no such file, none of the forms, another number of images or species, or
            images without a row.
    """
    if not path.is_file():
        raise InputError(f"image predictions {str(path)!r}: no such file")
    values, logits, own_ids = _open(path)
    if getattr(values, "ndim", 0) != 2:
        raise InputError(f"{path}: expected an array of (images, species), got {values.shape}")
    if values.shape[1] != classes:
        raise InputError(
            f"{path}: {values.shape[1]:,} columns, but the annotations have {classes:,} species"
        )
    if own_ids is None:
        if len(ids) != values.shape[0]:
            raise InputError(
                f"{path}: {values.shape[0]:,} rows for {len(ids):,} images; "
                "rows in another order need an array `ids`"
            )
        rows = np.arange(len(ids))
    else:
        rows = _rows_by_id(path, np.asarray(own_ids), ids, values.shape[0])
    if logits is None:
        logits = not _look_like_probabilities(values)
    return ImagePredictions(path, values, rows, logits=logits)


def _open(path: Path) -> tuple[Any, bool | None, Any]:
    """The file's values, whether they are logits (None: not told), and ids where it has them."""
    try:
        # Memory-mapped where it is one array: the published one takes 1.6 GB.
        opened = np.load(path, mmap_mode="r", allow_pickle=False)
        if not hasattr(opened, "files"):
            return opened, None, None
        with opened:
            if {"format", "data", "shape"} <= set(opened.files):
                sparse = require("scipy.sparse", extra="train", purpose="sparse predictions")
                return sparse.load_npz(path).tocsr(), False, None
            kind = next((key for key in ("logits", "probs") if key in opened.files), None)
            if kind is None:
                held = ", ".join(opened.files) or "nothing"
                raise InputError(f"{path}: holds {held}; expected `logits` or `probs`")
            own_ids = opened["ids"] if "ids" in opened.files else None
            return opened[kind], kind == "logits", own_ids
    except SatclipError:
        raise
    except Exception as error:  # zip, npy header, pickle refused, truncated
        raise InputError(f"{path}: not a .npy or .npz file of predictions ({error})") from None


def _rows_by_id(path: Path, own: Any, ids: Integers, count: int) -> Integers:
    if own.shape != (count,):
        raise InputError(f"{path}: {own.size:,} ids for {count:,} rows")
    try:
        position = {int(identifier): row for row, identifier in enumerate(own)}
    except (TypeError, ValueError):
        raise InputError(f"{path}: `ids` are to be whole numbers, the ids of images") from None
    if len(position) < count:
        raise InputError(f"{path}: an id occurs twice in `ids`")
    missing = [int(image) for image in ids if int(image) not in position]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(ids):,} images have no row, first id {missing[0]}"
        )
    return np.array([position[int(image)] for image in ids], np.int64)


def _look_like_probabilities(values: Any) -> bool:
    rows = np.asarray(values[:SAMPLE_ROWS], np.float64)
    return bool((rows >= 0).all() and np.abs(rows.sum(1) - 1).max() < SUM_TOLERANCE)
