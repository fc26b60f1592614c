"""All-to-all InfoNCE over any number of modalities, of which a sample may miss some.

UniGeoCLIP (EarthVision 2026): the mean InfoNCE over the ordered pairs of different modalities,
(m, n) and (n, m). Of each unordered pair both directions are solved together, as CLIP's loss is,
in bounded memory and over several processes (see `contrast`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch.nn import functional

from satclip_core.encoder.modal import COORDINATES

from ..distributed import ALONE, Group
from .contrast import LARGEST_LOG_SCALE, weighted_clip_loss

Pair = tuple[str, str]


def modality_pairs(names: Sequence[str], *, pivot: bool = False) -> list[Pair]:
    """The unordered pairs that are contrasted: all, or those with the coordinates (`pivot`)."""
    pairs = list(combinations(names, 2))
    return [pair for pair in pairs if COORDINATES in pair] if pivot else pairs


def all_to_all_loss(
    embeddings: Mapping[str, torch.Tensor],
    present: Mapping[str, torch.Tensor],
    log_scales: torch.Tensor,
    pairs: Sequence[Pair],
    *,
    by_sample: bool = True,
    largest: float = LARGEST_LOG_SCALE,
    rows: int = 0,
    group: Group = ALONE,
) -> torch.Tensor:
    """Mean InfoNCE over the ordered pairs of modalities that are contrasted.

    For a sample i that has the modalities m and n,
    l(i; m, n) = -ln(exp(z_ii) / sum_j exp(z_ij)), z_ij = exp(s) <m_i, n_j> of unit rows, the sum
    over the samples j that have both. A sample's loss is the mean over its own pairs, the batch's
    the mean over the samples that have a pair; or, with `by_sample` false, each pair's loss is the
    mean over its samples, the batch's that over its pairs. Where nothing is missing both are the
    same, and with two modalities they are CLIP's loss.

    Args:
        embeddings: (n, dim) rows of each modality by its name; rows that are missing may hold
            anything finite.
        present: (n,) bool of each modality: which rows it has.
        log_scales: (1,) s of all pairs, or (len(pairs),) one of each.
        pairs: unordered pairs of names.
        by_sample: which mean is taken where samples miss modalities.
        largest: highest s.
        rows: similarity rows held at a time; 0 for all.
        group: the processes that share the batch, all with equally many rows.

    Returns:
        The scalar loss of the whole batch; 0 where no sample has a pair.
    """
    unit = {name: _unit(rows_) for name, rows_ in embeddings.items()}
    # In one order in all processes, which a set of names has not: gathering is told by its order.
    seconds = dict.fromkeys(second for _, second in pairs)
    everybody = {name: group.gathered(unit[name]) for name in seconds}
    weights = pair_weights(
        {name: group.gathered(there.float()) > 0 for name, there in present.items()},
        pairs,
        by_sample=by_sample,
        dtype=next(iter(unit.values())).dtype,
    )
    scales = log_scales.expand(len(pairs))
    # Of everything, so that every process has a gradient of all that is shared.
    total = torch.stack([value.sum() * 0 for value in [*unit.values(), log_scales]]).sum()
    for number, (first, second) in enumerate(pairs):
        if int((weights[number] > 0).sum()) > 1:  # one alone has no other candidates: ln 1
            total = total + weighted_clip_loss(
                unit[first], everybody[second], scales[number], weights[number], largest,
                rows=rows, group=group,
            )  # fmt: skip
    return total


def pair_weights(
    present: Mapping[str, torch.Tensor],
    pairs: Sequence[Pair],
    *,
    by_sample: bool,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """What each sample's loss in each pair counts: (pairs, N), their sum is 1.

    Args:
        present: (N,) bool of each modality.
        pairs: of names.
        by_sample: a sample's share is split among its pairs; else a pair's among its samples.
        dtype: of the weights.
    """
    both = torch.stack([present[first] & present[second] for first, second in pairs]).to(dtype)
    across = 0 if by_sample else 1
    shares = both / both.sum(across, keepdim=True).clamp_min(1)
    return shares / both.any(across).sum().clamp_min(1)


def _unit(rows: torch.Tensor) -> torch.Tensor:
    exact = torch.promote_types(rows.dtype, torch.float32)
    return functional.normalize(rows.to(exact), dim=-1)
