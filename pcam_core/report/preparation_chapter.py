"""The chapter on what is kept of a patch, and whether enlarging it helps."""

from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.patches import SIDE, Pixels
from pcam_core.report.blocks import Block, Chapter, Gallery, Heading, Note, Strip, Table, Text
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.palette import CLASS_NAMES
from pcam_core.stages.enlargement import ENOUGH_DB, read_ways
from pcam_core.stages.explore import read_gallery
from pcam_core.stages.prepare import open_store
from pcam_core.stages.run_plan import RunPlan

_SHOWN = 8
_TONES: Any = ("normal", "tumour")
_TOLD = {1: "it helps", 0: "it makes no difference that can be told", -1: "it does harm"}
_SQUARE = ("raw crop", "nearest")  # shown as pixels; the browser may smooth the others


def preparation(prepared: Artifact, enlarged: Artifact, explored: Artifact) -> Chapter:
    """Say what is kept of a patch, show stored ones, and say whether the upscaler helps.

    Args:
        prepared: Artifact of `prepare`.
        enlarged: Artifact of `enlargement`.
        explored: Artifact of `explore`, whose gallery is shown again as it is stored.
    """
    figures = prepared.figures
    region, side = figures["region"], figures["stored_side"]
    rows = [
        ("Kept", f"centre {region}x{region} px" if region < SIDE else "the whole 96x96 px"),
        ("Upscaler", str(figures["upscaler"])),
        *(_network(figures["plan"], enlarged.figures) if enlarged.figures["network"] else []),
        ("Stored", f"{side}x{side} px, RGB, uint8"),
        *((f"Patches, {part}", f"{count:,}") for part, count in figures["patches"].items()),
        ("Size on disk", f"{prepared.size / 1e6:,.1f} MB"),
    ]
    blocks: list[Block] = [
        Text(_kept(figures, enlarged.figures["restored"] is not None)),
        Table("What is stored", ("Property", "Value"), rows, "ll"),
    ]
    if not side == SIDE == region:
        blocks.append(_stored(prepared, read_gallery(explored)))
    if enlarged.figures["restored"] is not None:
        blocks += _rounding(enlarged.figures)
        blocks += [Heading("Does enlarging help?"), *_restored(enlarged.figures), _ways(enlarged)]
    return Chapter("preparation", "Preparation", blocks)


def _kept(figures: dict[str, Any], measured: bool) -> str:
    region, side = figures["region"], figures["stored_side"]
    if side == SIDE == region:
        return "Patches are stored as they are: the networks get what the gallery above shows."
    kept = "The whole patch" if region == SIDE else f"The centre {region}x{region} px of a patch"
    if side == region:
        return f"{kept} is kept and stored as it is, not enlarged."
    how = "; whether that helps is measured below" if measured else ", by Pillow's LANCZOS alone"
    return f"{kept} is kept and stored enlarged to {side}x{side} px{how}."


def _network(plan: dict[str, Any], figures: dict[str, Any]) -> list[tuple[str, str]]:
    run = RunPlan(**plan)
    decibels, rate = figures["precision_psnr"], run.patches_per_s
    rows = [("Plan", run.sentence)]
    if rate:
        rows.append(("Measured for it", f"{rate:,.1f} patches/s, decoding left out"))
    if decibels is not None:
        rows.append((f"{run.precision} against float32", f"PSNR {decibels:.1f} dB"))
    return rows


def _rounding(figures: dict[str, Any]) -> list[Block]:
    decibels = figures["precision_psnr"]
    if decibels is None or decibels >= ENOUGH_DB:
        return []
    told = (
        f"In {figures['precision']} the network gives other patches than in float32: PSNR"
        f" {decibels:.1f} dB, where {ENOUGH_DB:.0f} are expected. Set prepare.precision=float32."
    )
    return [Note(told, "warn")]


def _stored(prepared: Artifact, ids: dict[int, list[str]]) -> Gallery:
    store = open_store(prepared, "train")
    smooth = store.side != prepared.figures["region"]
    strips = []
    for label, chosen in ids.items():
        names = chosen[:_SHOWN]
        images = _images(store.read(store.rows(names)), [f"stored: {name}" for name in names])
        strips.append(Strip(CLASS_NAMES[label], images, _TONES[label], smooth=smooth))
    caption = f"The patches of the gallery above as the networks get them: {store.side} px wide."
    return Gallery("Stored patches", strips, caption)


def _restored(figures: dict[str, Any]) -> list[Block]:
    found, scale, side = figures["restored"], figures["scale"], figures["restored"]["side"]
    psnr, ssim = found["psnr"], found["ssim"]
    rows = [
        (_name(way, figures), f"{psnr['means'][way]:.2f}", f"{ssim['means'][way]:.3f}")
        for way in psnr["means"]
    ]
    first = rows[0][0]
    rows.append((f"{first} above bicubic", f"{psnr['gain']:+.2f}", f"{ssim['gain']:+.3f}"))
    rows.append(("95 % interval of that", _range(psnr, "+.2f"), _range(ssim, "+.3f")))
    return [
        _verdict(figures),
        Table(
            "Shrunk and restored",
            ("Way", "PSNR, dB", "SSIM"),
            rows,
            "lrr",
            f"The means of {found['patches']:,} random training patches of {found['groups']:,}"
            f" groups, whose {side}x{side} px were shrunk to {side // scale}x{side // scale} px and"
            " enlarged again. Higher is more like the original, pixel by pixel (PSNR, peak"
            " signal-to-noise ratio) and in local structure (SSIM, at most 1).",
        ),
    ]


def _verdict(figures: dict[str, Any]) -> Note:
    psnr, ssim = figures["restored"]["psnr"], figures["restored"]["ssim"]
    signs = [_sign(measure) for measure in (psnr, ssim)]
    if signs[0] == signs[1]:
        told = f"{_TOLD[signs[0]].capitalize()} on this tissue."
    else:
        told = f"On this tissue, by PSNR {_TOLD[signs[0]]}; by SSIM {_TOLD[signs[1]]}."
    subject = "The network" if figures["network"] else "LANCZOS"
    return Note(
        f"{subject} restores shrunk patches {abs(psnr['gain']):.2f} dB"
        f" {'better' if psnr['gain'] > 0 else 'worse'} than bicubic"
        f" (95 % {_range(psnr, '+.2f')}), with {abs(ssim['gain']):.3f}"
        f" {'more' if ssim['gain'] > 0 else 'less'} structural similarity"
        f" (95 % {_range(ssim, '+.3f')}). {told}",
        "good" if signs == [1, 1] else "warn",
    )


def _ways(enlarged: Artifact) -> Gallery:
    figures = enlarged.figures
    shown, ways = read_ways(enlarged)
    strips = []
    for way, pixels in ways.items():
        name = _name(way, figures)
        images = _images(pixels, [f"{name}: {patch_id}" for patch_id in shown["id"]])
        classes = [CLASS_NAMES[label] for label in shown["label"]] if way == "raw crop" else []
        strips.append(Strip(name, images, notes=classes, smooth=way not in _SQUARE))
    side = pixels.shape[1]
    caption = (
        f"The same patches, each way {figures['scale']} times enlarged to {side}x{side} px, and"
        " above them the crops that they are made of, at the same scale."
    )
    return Gallery("Ways of enlarging", strips, caption)


def _images(pixels: Pixels, names: list[str]) -> list[tuple[str, str]]:
    return [(pixels_data_uri(patch), name) for patch, name in zip(pixels, names, strict=True)]


def _name(way: str, figures: dict[str, Any]) -> str:
    if way != "upscaler":
        return f"{way[0].upper()}{way[1:]}"
    return "ESRGAN" if figures["upscaler"] == "esrgan" else "Network"


def _sign(measure: dict[str, Any]) -> int:
    low, high = measure["interval"]
    return int(low > 0) - int(high < 0)


def _range(measure: dict[str, Any], form: str) -> str:
    low, high = measure["interval"]
    return f"{low:{form}} to {high:{form}}"
