"""SatCLE's semantic half: attention, causal patches, smoothing, and the student that is trained."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from timm_operators import timm_or_skip
from torch.nn import functional

from satclip_core.errors import CancelledError, InputError
from satclip_training.images.attention import open_timm_attention, patch_attention
from satclip_training.images.cache import ATTENTION, claim_folder, make_request
from satclip_training.images.self_distillation import (
    SmallTransformer,
    affine_view,
    as_arrays,
    distillation_loss,
    follow,
    from_arrays,
    train_attention,
)
from satclip_training.images.smoothing import blurred, causal_patches, smooth, smoothed
from satclip_training.images.timm_encoder import Weights
from satclip_training.images.views import open_views
from satclip_training.settings.config import (
    SmoothingSettings,
    SourceSettings,
    StudentSettings,
    load_config,
)
from satclip_training.settings.run_files import Locations
from satclip_training.settings.schema import build

SMALL = StudentSettings(
    patch=2, width=8, depth=2, heads=2, outputs=6, samples=40, epochs=2, batch_size=16
)


def images(count: int = 3, channels: int = 2, side: int = 8) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


def test_causal_patches_are_those_above_the_lowest_quantile() -> None:
    """Equation 5, by numpy: below the quantile tau of its own image a patch is not causal."""
    attention = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(1))
    for threshold in (0.0, 0.1, 0.5):
        got = causal_patches(attention, threshold)
        for one, mask in zip(attention.numpy().astype(float), got.numpy()):
            np.testing.assert_array_equal(mask, one >= np.quantile(one, threshold))
    assert not bool((~causal_patches(attention, 0.0)).any())
    assert int((~causal_patches(attention, 0.1)[0]).sum()) == 3


def slowly_smoothed(image: np.ndarray, causal: np.ndarray, patch: int) -> np.ndarray:
    """Equation 6, patch by patch."""
    rows, columns = causal.shape

    def of(row: int, column: int) -> tuple[slice, slice, slice]:
        return (
            slice(None),
            slice(row * patch, (row + 1) * patch),
            slice(column * patch, (column + 1) * patch),
        )

    result = image.copy()
    for row in range(rows):
        for column in range(columns):
            if causal[row, column]:
                continue
            for reach in range(1, max(rows, columns)):
                near = [
                    image[of(r, c)]
                    for r in range(max(0, row - reach), min(rows, row + reach + 1))
                    for c in range(max(0, column - reach), min(columns, column + reach + 1))
                    if causal[r, c]
                ]
                if near:
                    result[of(row, column)] = np.mean(near, axis=0)
                    break
    return result


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_smoothing_takes_the_mean_of_the_causal_patches_around(share: float) -> None:
    rng = np.random.default_rng(3)
    pictures = rng.normal(size=(6, 3, 12, 12))
    causal = rng.random((6, 4, 4)) >= share
    causal[0] = False
    causal[0, 0, 0] = True  # far from most: the ring is widened
    causal[1, :2, :2] = False
    got = smoothed(torch.from_numpy(pictures), torch.from_numpy(causal)).numpy()
    for picture, mask, one in zip(pictures, causal, got):
        np.testing.assert_allclose(one, slowly_smoothed(picture, mask, 3), rtol=1e-12, atol=1e-12)


def test_an_image_without_a_causal_patch_stays() -> None:
    pictures = images(2)
    got = smoothed(pictures, torch.zeros(2, 4, 4, dtype=torch.bool))
    assert torch.equal(got, pictures)


def test_the_released_blur_is_as_its_code_computes_it() -> None:
    """At the code's own sizes: 224 pixels, 14 x 14 patches, a square of 48 of all pixels."""
    pictures = torch.rand(1, 2, 224, 224, generator=torch.Generator().manual_seed(2))
    causal = torch.rand(1, 14, 14, generator=torch.Generator().manual_seed(3)) > 0.1
    grown = functional.interpolate(causal[:, None].float(), size=[224, 224], mode="bilinear")
    around = functional.conv2d(
        functional.pad(pictures, (24, 24, 24, 24), mode="reflect"),
        torch.ones(2, 1, 48, 48) / 48**2, groups=2,
    )  # fmt: skip
    around = functional.interpolate(around, (224, 224), mode="bilinear", align_corners=False)
    wanted = torch.where(grown < 0.5, around, pictures)
    # Sums of 2,304 float32 in another order.
    torch.testing.assert_close(blurred(pictures, causal), wanted, atol=1e-5, rtol=1e-5)


def test_attention_is_what_the_class_token_pays_or_what_patches_pay() -> None:
    weights = torch.rand(2, 7, 7, generator=torch.Generator().manual_seed(0))
    weights = weights / weights.sum(-1, keepdim=True)
    cls, patches = (patch_attention(weights, kind, 3) for kind in ("cls", "patches"))
    for n in range(2):
        for patch in range(6):
            place = n, patch // 3, patch % 3
            assert float(cls[place]) == float(weights[n, 0, 1 + patch])
            paid = sum(float(weights[n, 1 + patch, other]) for other in range(1, 7))
            assert float(patches[place]) == pytest.approx(paid, rel=1e-6)
            assert paid == pytest.approx(1 - float(weights[n, 1 + patch, 0]), rel=1e-5)


@pytest.fixture(scope="module")
def timm() -> ModuleType:
    return timm_or_skip()


def test_timm_s_attention_is_what_its_last_block_computes(timm: ModuleType) -> None:
    """Against the weights that its own attention multiplies values by, read where it drops some."""
    settings = SmoothingSettings(kind="timm", weights="random")
    found = open_timm_attention(
        settings, Weights("random"), channels=3, side=224, seed=5, where="smoothing"
    )
    torch.manual_seed(5)
    network = timm.create_model("vit_small_patch16_224", num_classes=0, in_chans=3).eval()
    last = network.blocks[-1].attn
    last.fused_attn = False
    kept: list[torch.Tensor] = []
    last.attn_drop.register_forward_hook(lambda module, given, out: kept.append(out))
    pictures = images(1, 3, 224)
    with torch.no_grad():
        network(pictures)
    wanted = kept[0].mean(1)[:, 0, 1:].view(1, 14, 14)
    torch.testing.assert_close(found(pictures), wanted, atol=1e-6, rtol=1e-5)


def test_a_network_without_attention_is_refused(timm: ModuleType) -> None:
    settings = SmoothingSettings(kind="timm", model="resnet18", weights="random")
    with pytest.raises(InputError, match=r"a\.smoothing\.model: 'resnet18' is no vision transf"):
        open_timm_attention(
            settings, Weights("random"), channels=3, side=32, seed=0, where="a.smoothing"
        )


def test_the_student_learns_the_centred_teacher() -> None:
    """Equation 4: cross-entropy with sharp, centred teacher outputs, which get no gradient."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (
        torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    centre = [0.1, -0.2, 0.3, 0.0]
    total = 0.0
    for n in range(3):
        raised = [math.exp((teacher[n, k].item() - centre[k]) / 0.04) for k in range(4)]
        guess = [math.exp(student[n, k].item() / 0.1) for k in range(4)]
        for k in range(4):
            total -= raised[k] / sum(raised) * math.log(guess[k] / sum(guess)) / 3
    loss = distillation_loss(student, teacher, torch.tensor(centre, dtype=torch.float64), SMALL)
    assert loss.item() == pytest.approx(total, rel=1e-10)
    loss.backward()  # type: ignore[no-untyped-call]
    assert teacher.grad is None
    assert student.grad is not None


def test_the_teacher_is_the_student_s_running_average() -> None:
    torch.manual_seed(0)
    teacher, student = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    wanted = [0.9 * t.detach() + 0.1 * s.detach()
              for t, s in zip(teacher.parameters(), student.parameters())]  # fmt: skip
    follow(teacher, student, 0.9)
    for got, one in zip(teacher.parameters(), wanted):
        torch.testing.assert_close(got.detach(), one)


def test_training_is_the_papers_steps(one_thread: None) -> None:
    """Equation 4, the whole of it: two views, each guessed from the other, teacher and centre.

    Step by step: the student by the gradient of the mean cross-entropy of both ways, then the
    teacher by its running average, then the centre by the mean of what the teacher said before.
    """
    pictures = scenes(24)
    settings = StudentSettings(
        patch=4, width=8, depth=1, heads=2, outputs=5, epochs=2, batch_size=12, momentum=0.8,
        centre=0.6,
    )  # fmt: skip
    got = train_attention(pictures, settings, seed=7)

    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    student = SmallTransformer(settings, 1, 16)
    student.mean = pictures.mean().view(1, 1, 1, 1)
    student.deviation = pictures.std().view(1, 1, 1, 1)
    teacher = [parameter.detach().clone() for parameter in student.parameters()]
    optimizer = torch.optim.AdamW(student.parameters(), 1e-3, weight_decay=0.04)
    centre, step = torch.zeros(5), 0

    def told(view: torch.Tensor) -> torch.Tensor:
        own = [parameter.detach().clone() for parameter in student.parameters()]
        with torch.no_grad():
            for parameter, value in zip(student.parameters(), teacher):
                parameter.copy_(value)
            result: torch.Tensor = student(view)
            for parameter, value in zip(student.parameters(), own):
                parameter.copy_(value)
        return result

    for _ in range(2):
        order = torch.randperm(24, generator=generator)
        for batch in (order[:12], order[12:]):
            views = [affine_view(pictures[batch], settings, generator) for _ in range(2)]
            said = [told(view) for view in views]
            loss = torch.zeros(())
            for view, other in ((views[0], said[1]), (views[1], said[0])):
                guess = torch.exp(student(view) / 0.1)
                wanted = torch.exp((other - centre) / 0.04)
                cross = -(wanted / wanted.sum(1, keepdim=True)) * torch.log(
                    guess / guess.sum(1, keepdim=True)
                )
                loss = loss + cross.sum() / (2 * 12)
            warm = 0.1 * 4
            rate = (1 + math.cos(math.pi * (step - warm) / (4 - warm))) / 2 if step else 1 / 1.4
            for group in optimizer.param_groups:
                group["lr"] = 1e-3 * rate
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            teacher = [0.8 * t + 0.2 * s.detach() for t, s in zip(teacher, student.parameters())]
            centre = 0.6 * centre + 0.4 * torch.cat(said).mean(0)
            step += 1
    for (name, parameter), value in zip(got.named_parameters(), teacher):
        kept = torch.ones(len(value), dtype=torch.bool)
        if name.endswith("in_proj_bias"):
            # Attention does not depend on the keys' bias: Adam steps by the rounding of nothing.
            kept[8:16] = False
        torch.testing.assert_close(parameter[kept], value[kept], atol=1e-5, rtol=1e-3)


def test_an_affine_view_without_any_bounds_is_the_image_or_its_mirror() -> None:
    still = StudentSettings(rotation=0, zoom=0, shift=0)
    pictures = images(6)
    got = affine_view(pictures, still, torch.Generator().manual_seed(1))
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(got, pictures)]
    same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(got, pictures)]
    assert all(a != b for a, b in zip(same, mirrored))
    assert any(same)
    assert any(mirrored)


def test_attention_of_the_small_transformer_is_that_of_its_own_forward_pass() -> None:
    """Replacing what the last block attends to by attention times values gives its output."""
    torch.manual_seed(0)
    network = SmallTransformer(SMALL, 2, 8).eval()
    pictures = images()
    with torch.no_grad():
        weights = network.attend(pictures)
        tokens = network.blocks[0](network._tokens(pictures))
        last: Any = network.blocks[-1]
        normed = last.norm1(tokens)
        query, key = (
            functional.linear(normed, w, b).unflatten(2, (2, 4)).transpose(1, 2)
            for w, b in list(
                zip(last.self_attn.in_proj_weight.chunk(3), last.self_attn.in_proj_bias.chunk(3))
            )[:2]
        )
    wanted = (query @ key.transpose(-2, -1) / math.sqrt(4)).softmax(-1).mean(1)
    torch.testing.assert_close(weights, wanted)
    assert weights.shape == (3, 17, 17)


def scenes(count: int) -> torch.Tensor:
    """Noise of one look, with a bright square somewhere: the only thing that tells images apart."""
    rng = np.random.default_rng(0)
    made = rng.normal(0, 0.1, (count, 1, 16, 16)).astype(np.float32)
    for picture in made:
        row, column = rng.integers(0, 4, 2) * 4
        picture[0, row : row + 4, column : column + 4] += 2
    return torch.from_numpy(made)


def test_training_makes_the_same_teacher_again_and_can_be_kept(one_thread: None) -> None:
    pictures = scenes(40)
    settings = StudentSettings(
        patch=4, width=8, depth=1, heads=2, outputs=8, epochs=2, batch_size=20
    )
    first, again = (train_attention(pictures, settings, seed=3) for _ in range(2))
    other = train_attention(pictures, settings, seed=4)
    assert torch.equal(first.attend(pictures), again.attend(pictures))
    assert not torch.equal(first.attend(pictures), other.attend(pictures))
    kept = from_arrays(as_arrays(first), settings, 1, 16)
    assert torch.equal(kept.attend(pictures), first.attend(pictures))
    with pytest.raises(InputError, match="attention is that of another network"):
        from_arrays(as_arrays(first), settings, 2, 16)
    with pytest.raises(CancelledError):
        train_attention(pictures, settings, seed=3, cancelled=lambda: True)


SOURCE = {
    "files": ["image_*.tif"],
    "nodata": 0,
    "chip": {"kilometres": 400, "pixels": 8},
    "features": {"filters": 8, "dim": 4, "samples": 60},
    "views": 1,
}
STUDENT = {"patch": 2, "width": 8, "depth": 1, "heads": 2, "outputs": 8, "samples": 60,
           "epochs": 1, "batch_size": 16}  # fmt: skip


def source(**smoothing: Any) -> SourceSettings:
    values = {**SOURCE, **({"smoothing": smoothing} if smoothing else {})}
    return build(SourceSettings, values, "")


@pytest.mark.parametrize("replacement", ["neighbours", "blur"])
def test_a_cache_holds_features_of_smoothed_images(
    world: Path, tmp_path: Path, replacement: str, one_thread: None
) -> None:
    lonlat = np.column_stack([np.linspace(-50, 60, 60), np.linspace(-40, 50, 60)])
    places = Locations((world,))
    settings = source(student=STUDENT, threshold=0.25, replacement=replacement)
    request = make_request("a", settings, lonlat, places, 0)
    plain = make_request("a", source(), lonlat, places, 0)
    assert "smoothing" not in plain.describe()["settings"]
    assert request.describe() != plain.describe()
    folder = claim_folder(request, tmp_path)
    raw, changed = request.open_images(folder), request.open_imagery(folder)
    view, points = np.zeros(9, np.int64), np.arange(9)
    before, after = raw.take(view, points)[0], changed.take(view, points)[0]
    network = from_arrays(dict(np.load(folder / ATTENTION)), settings.smoothing.student, 3, 8)  # type: ignore[union-attr]
    with torch.no_grad():
        paid = network.attend(torch.from_numpy(before))[:, 0, 1:].view(-1, 4, 4)
    causal = causal_patches(paid, 0.25)
    assert int((~causal).sum()) == 9 * 4
    replace = smoothed if replacement == "neighbours" else blurred
    wanted = replace(torch.from_numpy(before), causal).numpy()
    np.testing.assert_allclose(after, wanted, rtol=1e-6)
    assert not np.array_equal(after, before)
    views = open_views(request, tmp_path)
    assert views.take(view, points).shape == (9, 4)
    assert not np.array_equal(
        views.take(view, points), open_views(plain, tmp_path).take(view, points)
    )
    live = open_views(request, tmp_path / "live", live=True)
    assert live.take(view, points).shape == (9, 4)


def test_smoothing_says_what_it_did() -> None:
    pictures = images()
    result, paid, causal = smooth(
        pictures, lambda given: given.mean(1)[:, ::2, ::2], SmoothingSettings(threshold=0.25)
    )
    assert paid.shape == causal.shape == (3, 4, 4)
    assert torch.equal(result, smoothed(pictures, causal))


@pytest.mark.parametrize(
    ("smoothing", "message"),
    [
        ("{student: {patch: 3}}", r"smoothing\.student\.patch: images of 8 pixels are not made of"),
        ("{student: {width: 10, heads: 4}}", r"heads: 4 do not divide the width 10"),
        ("{kind: dino}", r"smoothing\.kind: 'dino' is not one of trained, timm"),
        ("{threshold: 1}", r"smoothing\.threshold: must be at most 0.99"),
        ("{attention: all}", r"smoothing\.attention: 'all' is not one of cls, patches"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, smoothing: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "name: x\nsources: {a: {files: [a.tif], chip: {kilometres: 9, pixels: 8},"
        f" features: {{filters: 8, dim: 4}}, smoothing: {smoothing}}}}}\n"
    )
    with pytest.raises(InputError, match=message):
        load_config(path)
