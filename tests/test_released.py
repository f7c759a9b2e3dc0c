"""DF-GAN's released weights in our network: equal pictures, and a refusal by name of everything else."""

import json
import os
import random
import re
from itertools import pairwise

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F

from t2i_utils.__main__ import main
from t2i_utils.gallery import open_painter
from t2i_utils.interfaces import Text
from t2i_utils.models import df_gan
from t2i_utils.published import WEIGHTS
from t2i_utils.recipes.arguments import build_recipe
from t2i_utils.released import convert, load_released, open_converted

LAYOUTS = ("2022", "2020")
SMALL = {"size": 32, "base": 3, "noise": 5, "text": 6, "channels": 3, "hidden": 7}
GREY = {"size": 64, "base": 2, "noise": 4, "text": 3, "channels": 1, "hidden": 2}
FULL = {"size": 256, "base": 32, "noise": 100, "text": 256, "channels": 3, "hidden": 256}


def widths(size, base):
    """Channels at 4, 8, ... size pixels: base at full resolution, twice as many at half of it, at most 8 times."""
    return [base * min(size // side, 8) for side in (4 * 2**k for k in range(size.bit_length() - 2))]


def affine_names(layout, block):
    """The two affines before the first convolution and the two before the second, as the files have them."""
    if layout == "2022":
        return [[f"GBlocks.{block}.fuse{fuse}.affine{one}" for one in (0, 1)] for fuse in (1, 2)]
    return [[f"block{block}.affine{2 * fuse + one}" for one in (0, 1)] for fuse in (0, 1)]


def steps(layout, size, base):
    """(block's name, whether it doubles, channels before, channels after)."""
    wide = widths(size, base)
    pairs = [(True, *pair) for pair in pairwise(wide)]
    if layout == "2020":
        pairs = [(False, wide[0], wide[0]), *pairs]
    name = "GBlocks.{}" if layout == "2022" else "block{}"
    return [(name.format(index), *pair) for index, pair in enumerate(pairs)]


def shapes(layout, size, base, noise, text, channels, hidden):
    """Every name and shape in a file of the authors."""
    to_rgb = "to_rgb.1" if layout == "2022" else "conv_img.1"
    condition = noise + text if layout == "2022" else text
    found = {"fc.weight": [8 * base * 16, noise], "fc.bias": [8 * base * 16]}
    for index, (block, _, wide, narrow) in enumerate(steps(layout, size, base)):
        found |= {f"{block}.c1.weight": [narrow, wide, 3, 3], f"{block}.c1.bias": [narrow]}
        found |= {f"{block}.c2.weight": [narrow, narrow, 3, 3], f"{block}.c2.bias": [narrow]}
        for pair, many in zip(affine_names(layout, index), (wide, narrow), strict=True):
            for name in (f"{one}.fc_{kind}" for one in pair for kind in ("gamma", "beta")):
                inner = many if layout == "2022" else hidden
                found |= {f"{name}.linear1.weight": [inner, condition], f"{name}.linear1.bias": [inner]}
                found |= {f"{name}.linear2.weight": [many, inner], f"{name}.linear2.bias": [many]}
        if wide != narrow:
            found |= {f"{block}.c_sc.weight": [narrow, wide, 1, 1], f"{block}.c_sc.bias": [narrow]}
        if layout == "2020":
            found[f"{block}.gamma"] = [1]
    return found | {f"{to_rgb}.weight": [channels, base, 3, 3], f"{to_rgb}.bias": [channels]}


def weights(layout, sizes, seed=0):
    """Random numbers under the authors' names, each about as loud as what goes in: no picture is flat or all white."""
    rng = torch.Generator().manual_seed(seed)
    made = {}
    for name, shape in shapes(layout, **sizes).items():
        fan_in = torch.Size(shape[1:]).numel()
        made[name] = torch.randn(shape, generator=rng) * (fan_in**-0.5 if len(shape) > 1 else 0.5)
    return made


def paint(layout, state, size, noise, sentence):
    """What the authors' network computes, from the paper's figure 3 and the code's description in words."""

    def layer(name, inputs):
        return F.linear(inputs, state[f"{name}.weight"], state[f"{name}.bias"])

    def convolve(name, inputs):
        weight = state[f"{name}.weight"]
        return F.conv2d(inputs, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def small_mlp(name):
        return layer(f"{name}.linear2", F.relu(layer(f"{name}.linear1", condition)))[:, :, None, None]

    def fuse(names, features):
        for name in names:
            features = F.leaky_relu(small_mlp(f"{name}.fc_gamma") * features + small_mlp(f"{name}.fc_beta"), 0.2)
        return features

    condition = torch.cat([noise, sentence], dim=1) if layout == "2022" else sentence
    base = state["to_rgb.1.weight" if layout == "2022" else "conv_img.1.weight"].shape[1]
    features = layer("fc", noise).view(len(noise), 8 * base, 4, 4)
    for index, (block, doubles, wide, narrow) in enumerate(steps(layout, size, base)):
        if doubles:
            features = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        first, second = affine_names(layout, index)
        residual = convolve(f"{block}.c2", fuse(second, convolve(f"{block}.c1", fuse(first, features))))
        shortcut = features if wide == narrow else convolve(f"{block}.c_sc", features)
        features = shortcut + state.get(f"{block}.gamma", 1) * residual
    return torch.tanh(convolve("to_rgb.1" if layout == "2022" else "conv_img.1", F.leaky_relu(features, 0.2)))


def write(path, layout, state, prefix=""):
    """A file as the authors' code of that year saves it."""
    state = {prefix + name: tensor for name, tensor in state.items()}
    if layout == "2022":
        moments = {"step": 3, "exp_avg": torch.zeros(2), "exp_avg_sq": torch.zeros(2)}
        adam = {"state": {0: moments}, "param_groups": [{"lr": 1e-4, "betas": (0.0, 0.9), "params": [0]}]}
        players = {"netG": state, "netD": {"conv_img.weight": torch.zeros(2, 3, 3, 3)}, "netC": {}}
        state = {"model": players, "optimizers": {"optimizer_G": adam, "optimizer_D": adam}, "epoch": 1220}
    torch.save(state, path)
    return path


def given(sizes, count=3):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(count, sizes["noise"], generator=rng), torch.randn(count, sizes["text"], generator=rng)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("sizes", [SMALL, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_our_generator_paints_what_the_authors_paints(tmp_path, layout, sizes, prefix):
    state, (noise, sentence) = weights(layout, sizes), given(sizes)
    theirs = paint(layout, state, sizes["size"], noise, sentence)
    found = load_released(write(tmp_path / "their.pth", layout, state, prefix))
    ours = found.generator(noise, Text(sentence)).images[-1]
    assert ours.shape == (3, sizes["channels"], sizes["size"], sizes["size"])
    assert (ours - theirs).abs().max() < 1e-5
    assert 0.05 < theirs.std() < 0.95  # neither flat nor black and white
    assert found.layout == layout
    assert found.epoch == (1220 if layout == "2022" else None)


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_a_weight_in_a_wrong_place_would_show_in_the_pictures_that_are_compared(layout):
    state, (noise, sentence) = weights(layout, SMALL), given(SMALL)
    whole, others = paint(layout, state, 32, noise, sentence), weights(layout, SMALL, seed=2)
    for name in state:
        altered = paint(layout, state | {name: others[name]}, 32, noise, sentence)
        assert (altered - whole).abs().max() > 1e-3, name


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_sentence_and_noise_both_change_the_picture(tmp_path, layout):
    generator = load_released(write(tmp_path / "their.pth", layout, weights(layout, SMALL))).generator
    noise, sentence = given(SMALL)
    picture = generator(noise, Text(sentence)).images[-1]
    assert (generator(noise, Text(sentence.flip(0))).images[-1] - picture).abs().max() > 0.1
    assert (generator(noise.flip(0), Text(sentence)).images[-1] - picture).abs().max() > 0.1


@torch.no_grad()
def test_a_gate_of_zero_leaves_the_sentence_out_and_a_gate_of_two_counts_twice(tmp_path):
    state, (noise, sentence) = weights("2020", SMALL), given(SMALL)
    shut = state | {name: torch.zeros(1) for name in state if name.endswith("gamma")}
    generator = load_released(write(tmp_path / "shut.pth", "2020", shut)).generator
    assert torch.equal(
        generator(noise, Text(sentence)).images[-1], generator(noise, Text(torch.zeros_like(sentence))).images[-1]
    )
    twice = state | {name: 2 * state[name] for name in state if name.endswith("gamma")}
    ours = load_released(write(tmp_path / "twice.pth", "2020", twice)).generator(noise, Text(sentence)).images[-1]
    assert (ours - paint("2020", twice, 32, noise, sentence)).abs().max() < 1e-5


@pytest.mark.parametrize(("layout", "count"), [("2022", 9_744_131), ("2020", 12_240_010)])
def test_the_released_size_is_read_from_the_shapes(tmp_path, layout, count):
    state = {name: torch.zeros(shape) for name, shape in shapes(layout, **FULL).items()}
    found = load_released(write(tmp_path / "full.pth", layout, state))
    sizes = {"image_size": 256, "text_dim": 256, "base_channels": 32, "noise_dim": 100, "channels": 3}
    assert found.arguments == sizes | ({"hidden": 256} if layout == "2020" else {})
    assert sum(parameter.numel() for parameter in found.generator.parameters()) == count
    assert (found.generator.noise_shape, found.generator.image_shape) == ((100,), (3, 256, 256))


def test_a_checkpoint_of_2022_fills_the_very_network_of_the_recipe(tmp_path):
    found = load_released(write(tmp_path / "their.pth", "2022", weights("2022", SMALL)))
    recipe = build_recipe("df_gan", found.arguments)
    recipe.generator.load_state_dict(found.generator.state_dict())
    assert type(found.generator) is df_gan.Generator is type(recipe.generator)
    noise, sentence = given(SMALL)
    assert torch.equal(
        recipe.generator(noise, Text(sentence)).images[-1], found.generator(noise, Text(sentence)).images[-1]
    )


def test_a_generator_of_2022_by_itself_opens_too(tmp_path):
    torch.save(weights("2022", SMALL), tmp_path / "netG.pth")
    assert load_released(tmp_path / "netG.pth").epoch is None


def test_half_precision_becomes_float32(tmp_path):
    state = {name: tensor.half() for name, tensor in weights("2022", SMALL).items()}
    generator = load_released(write(tmp_path / "their.pth", "2022", state)).generator
    assert {parameter.dtype for parameter in generator.parameters()} == {torch.float32}


def test_opening_draws_no_random_numbers(tmp_path):
    path = write(tmp_path / "their.pth", "2020", weights("2020", SMALL))
    before = torch.get_rng_state()
    load_released(path)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_convert_writes_opens_again_and_says_what_it_is(tmp_path, layout):
    path = write(tmp_path / "their.pth", layout, weights(layout, SMALL))
    found, (noise, sentence) = convert(path, tmp_path / "birds"), given(SMALL)
    opened, text = open_converted(tmp_path / "birds"), Text(sentence)
    assert torch.equal(opened(noise, text).images[-1], found.generator(noise, text).images[-1])
    assert not opened.training
    with safe_open(tmp_path / "birds" / "generator.safetensors", "pt") as file:
        told = file.metadata()
    assert json.loads(told["arguments"]) == found.arguments
    assert told["system"] == ("df_gan" if layout == "2022" else "df_gan_2020")
    assert found.sha256 in told["source"]
    assert "academic research only" in told["licence"]
    assert "DAMSM" in told["text_encoder"]
    assert "DAMSM" in str(found)


def test_a_converted_folder_is_no_painter_yet(tmp_path):
    convert(write(tmp_path / "their.pth", "2022", weights("2022", SMALL)), tmp_path / "birds")
    with pytest.raises(FileNotFoundError, match=r"text\.safetensors is missing"):
        open_painter(tmp_path / "birds")


def test_a_painter_that_lies_there_is_not_overwritten(tmp_path):
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "generator.safetensors").write_bytes(b"somebody's")
    with pytest.raises(ValueError, match="holds a generator already; name a new folder"):
        convert(write(tmp_path / "their.pth", "2022", weights("2022", SMALL)), tmp_path / "birds")
    assert (tmp_path / "birds" / "generator.safetensors").read_bytes() == b"somebody's"


def test_nothing_is_written_for_a_file_that_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.pth; checkpoints\.md says where"):
        convert(tmp_path / "absent.pth", tmp_path / "birds")
    assert not (tmp_path / "birds").exists()


class RunsCode:
    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_runs_code_is_refused_and_runs_nothing(tmp_path, layout, legacy):
    state = {**weights(layout, SMALL), "fc.bias": RunsCode(tmp_path / "ran")}
    path = tmp_path / "their.pth"
    torch.save({"model": {"netG": state}}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
        ValueError, match=r"their\.pth does not open as tensors alone: it asks for \w+\.mkdir"
    ) as caught:
        load_released(path)
    assert not (tmp_path / "ran").exists()
    assert "weights_only" not in str(caught.value)  # no advice to open it all the same
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists()  # the file was dangerous


@pytest.mark.parametrize("part", [0, 1, 100, 0.3, 0.9, 0.999])
def test_a_cut_file_is_refused(tmp_path, part):
    path = write(tmp_path / "their.pth", "2022", weights("2022", SMALL))
    whole = path.read_bytes()
    path.write_bytes(whole[: part if isinstance(part, int) else int(len(whole) * part)])
    with pytest.raises(ValueError, match=r"their\.pth does not open as tensors alone: it is cut, altered"):
        load_released(path)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_an_altered_file_is_weights_or_is_refused_in_words(tmp_path, legacy):
    path, rng, said = tmp_path / "their.pth", random.Random(0), []
    torch.save(weights("2022", GREY), path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    for _ in range(40):
        altered = bytearray(whole)
        altered[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(altered)
        try:
            load_released(path)
        except ValueError as error:
            said.append(str(error))
    assert said
    assert all("their.pth" in line for line in said)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_altered_number_shows_in_the_checksum(tmp_path, layout):
    path = write(tmp_path / "their.pth", layout, weights(layout, SMALL))
    number = weights(layout, SMALL)["fc.bias"].numpy().tobytes()
    data = path.read_bytes()
    assert data.count(number) == 1
    path.write_bytes(data.replace(number, number[:-4] + b"\0\0\0\0"))
    with pytest.raises(ValueError, match=r"their\.pth does not open as tensors alone: it is cut, altered"):
        load_released(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_bytes_of_any_kind_are_refused_in_words(tmp_path):
    path, rng = tmp_path / "their.pth", torch.Generator().manual_seed(0)
    pickles = [bytes([128, 2]) + bytes(torch.randint(256, (60,), generator=rng).tolist()) for _ in range(200)]
    for data in [b"<html>Quota exceeded</html>", b"\0" * 500, b"PK\x03\x04" + b"\0" * 500, *pickles]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"their\.pth"):
            load_released(path)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "name",
    ["fc.weight", "fc.bias", "{rgb}.weight", "{first}.c1.weight", "{first}.c2.bias", "{affine}.fc_beta.linear2.bias"],
)
def test_a_missing_weight_is_named(tmp_path, layout, name):
    state = weights(layout, SMALL)
    name = name.format(
        rgb="to_rgb.1" if layout == "2022" else "conv_img.1",
        first=steps(layout, 32, 3)[0][0],
        affine=affine_names(layout, 1)[1][0],
    )
    del state[name]
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is missing"):
        load_released(write(tmp_path / "their.pth", layout, state))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_weight_too_many_is_named(tmp_path, layout):
    state = {**weights(layout, SMALL), "style.weight": torch.zeros(2)}
    with pytest.raises(ValueError, match=r"it has style\.weight, which our network has not"):
        load_released(write(tmp_path / "their.pth", layout, state))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("last", ["c2.weight", "c1.bias"])
def test_a_wrong_shape_is_named_with_the_one_that_was_expected(tmp_path, layout, last):
    state = weights(layout, SMALL)
    name = f"{steps(layout, 32, 3)[-1][0]}.{last}"
    right, state[name] = list(state[name].shape), torch.zeros(5, *state[name].shape[1:])
    said = f"{name} is {list(state[name].shape)} where our network has {right}"
    with pytest.raises(ValueError, match=re.escape(said)):
        load_released(write(tmp_path / "their.pth", layout, state))


def test_a_block_that_is_missing_whole_is_told_by_what_stands_beside_it(tmp_path):
    state = {name: tensor for name, tensor in weights("2022", SMALL).items() if not name.startswith("GBlocks.1.")}
    with pytest.raises(ValueError, match=r"GBlocks\.1\.\S+ is missing.*and \d+ more"):
        load_released(write(tmp_path / "their.pth", "2022", state))


@pytest.mark.parametrize("worth", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(tmp_path, worth):
    state = weights("2022", SMALL)
    state["GBlocks.0.c1.bias"][0] = worth
    with pytest.raises(ValueError, match=r"GBlocks\.0\.c1\.bias holds NaN or infinity"):
        load_released(write(tmp_path / "their.pth", "2022", state))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    "value", [3, "three", torch.arange(12), torch.ones(12).to_sparse(), torch.zeros(12, device="meta")]
)
def test_values_that_are_no_plain_tensors_are_refused(tmp_path, value):
    state = {**weights("2022", SMALL), "GBlocks.0.c1.bias": value}
    with pytest.raises(
        ValueError, match=r"GBlocks\.0\.c1\.bias (is no tensor of floating|holds NaN or infinity, or no)"
    ):
        load_released(write(tmp_path / "their.pth", "2022", state))


def test_a_small_file_that_claims_a_huge_network_costs_no_memory(tmp_path):
    state = weights("2022", SMALL)
    state["to_rgb.1.weight"] = torch.zeros(1).expand(3, 10**6, 3, 3)  # one number, repeated
    with pytest.raises(ValueError, match=r"base_channels 1000000"):
        load_released(write(tmp_path / "their.pth", "2022", state))
    state["to_rgb.1.weight"] = torch.zeros(1).expand(3, 2**55, 3, 3)
    with pytest.raises(ValueError, match="of no network that we have"):
        load_released(write(tmp_path / "their.pth", "2022", state))


def test_a_picture_larger_than_ours_is_refused_with_the_sizes_that_there_are(tmp_path):
    state = weights("2022", GREY) | {f"GBlocks.{block}.c1.bias": torch.zeros(2) for block in range(7)}
    with pytest.raises(
        ValueError, match=r"their\.pth is of no network that we have: image_size is 512; these networks"
    ):
        load_released(write(tmp_path / "their.pth", "2022", state))


@pytest.mark.parametrize("system", ["gan_cls", "df_gan", "wgan_cls"])
def test_another_systems_weights_are_refused(tmp_path, system):
    generator = build_recipe(system, {"image_size": 32, "text_dim": 6, "base_channels": 4}).generator
    torch.save(generator.state_dict(), tmp_path / "ours.pth")
    with pytest.raises(ValueError, match=r"ours\.pth is no generator of DF-GAN's authors: it begins with "):
        load_released(tmp_path / "ours.pth")


def test_the_authors_discriminator_of_2020_is_told_apart(tmp_path):
    names = ("conv_img.weight", "block0.conv_r.0.weight", "block0.gamma", "COND_DNET.joint_conv.0.weight")
    torch.save({name: torch.zeros(2, 2, 3, 3) for name in names}, tmp_path / "netD.pth")
    with pytest.raises(ValueError, match=r"no generator of DF-GAN's authors: it begins with conv_img\.weight"):
        load_released(tmp_path / "netD.pth")


@pytest.mark.parametrize(
    "found", [[1, 2], {}, {"model": {}}, {"model": {"netD": {}}}, {3: torch.zeros(1)}, torch.zeros(3)]
)
def test_files_without_weights_by_name_are_refused(tmp_path, found):
    torch.save(found, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth holds no generator's weights by name; use the authors'"):
        load_released(tmp_path / "other.pth")


def test_a_spoilt_converted_file_is_refused(tmp_path):
    convert(write(tmp_path / "their.pth", "2022", weights("2022", SMALL)), tmp_path / "birds")
    path = tmp_path / "birds" / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="holds no converted generator"):
        open_converted(tmp_path / "birds")
    with pytest.raises(FileNotFoundError, match="name a folder that `convert` wrote"):
        open_converted(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no converted generator \('layout'\)"):
        open_converted(WEIGHTS / "flowers")


def test_the_command_writes_what_opens_and_says_what_it_is(tmp_path, capsys):
    path = write(tmp_path / "their.pth", "2022", weights("2022", SMALL))
    assert main(["convert", str(path), "--out", str(tmp_path / "birds")]) == 0
    assert f"{tmp_path / 'birds'}: DF-GAN of 2022" in capsys.readouterr().out
    assert open_converted(tmp_path / "birds")
    assert main(["convert", str(path), "--out", str(tmp_path / "birds")]) == 2
    assert "holds a generator already" in capsys.readouterr().err
