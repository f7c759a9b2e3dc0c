"""Fine-tuning: chosen on val classes, resumed bitwise whatever ended it, exported for everyone's open_clip."""

import json
import shutil
from dataclasses import replace

import open_clip
import pytest
import torch
from text.tiny_bert import write_bert
from torch.nn import functional as F

from t2i_utils import fine_tuning
from t2i_utils.__main__ import main
from t2i_utils.data.split import evenly, read_split
from t2i_utils.data.verify import verify
from t2i_utils.fine_tuning import FineTuning, Tuning, fine_tune, towers_of
from t2i_utils.metrics.examination import examine
from t2i_utils.metrics.retrieval import mean_recall, retrieval, zero_shot
from t2i_utils.text.clip import new_clip
from t2i_utils.text.clip_opening import open_clip_encoder
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.prompts import class_sentences
from t2i_utils.text.towers import ClipTowers
from t2i_utils.text.weights import between
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

TUNING = Tuning(epochs=3, batch_size=32, rate=3e-3, val_pictures=8, save_minutes=1e9)


def opened(data, encoder, folder, tuning=TUNING):
    """A fine-tuning of a copy of an encoder."""
    towers = ClipTowers(open_clip_encoder(encoder.name))
    return FineTuning(towers, data, encoder.fingerprint, folder, tuning, "cpu")


def weights(training):
    return torch.cat([part.flatten().double() for part in training.towers.state_dict().values()])


def test_it_learns_from_train_classes_and_is_measured_on_val_classes(plain_file, small_encoder, tmp_path):
    training, asked = opened(plain_file, small_encoder, tmp_path / "run"), set()
    pictures = {split: set(read_split(plain_file, split).captions) for split in ("train", "val")}
    tokens = {split: {tuple(t) for t in training.towers.tokens(sorted(c)).tolist()} for split, c in pictures.items()}
    assert training.run([lambda trainer, pairing, losses: asked.update(map(tuple, pairing.tokens.tolist()))], False)
    assert asked <= tokens["train"]
    assert asked - tokens["val"]
    assert set(training.held_out.captions) <= pictures["val"]
    assert training.trainer.step == 3 * training.epoch == training.steps
    steps, scores = training.val.column("score")
    assert steps == [0, training.epoch, 2 * training.epoch, 3 * training.epoch]
    assert float(training.best.score) == pytest.approx(max(scores))


def test_the_best_epoch_of_val_is_taken_and_the_way_to_it_searched(plain_file, small_encoder, tmp_path, monkeypatch):
    training = opened(plain_file, small_encoder, tmp_path / "run")
    scores, seen = iter([0.1, 0.4, 0.9, 0.3]), []

    def score():
        seen.append(weights(training))
        return next(scores)

    monkeypatch.setattr(training, "score", score)
    training.run(progress=False)
    first, second = seen[0], seen[2]
    along = iter([0.2, 0.2, 0.5, 0.8, 0.7] + [0.1] * 6)
    seen.clear()
    monkeypatch.setattr(training, "score", lambda: (seen.append(weights(training)), next(along))[1])
    choice = training.choose()
    assert (choice.epoch, choice.weight) == (2, 0.3)
    assert choice.epochs == {0: 0.1, 1: 0.4, 2: 0.9, 3: 0.3}
    assert list(choice.curve) == [step / 10 for step in range(11)]
    assert choice.curve[0.3] == 0.8
    floats = torch.cat(
        [torch.full((part.numel(),), part.is_floating_point()) for part in training.towers.state_dict().values()]
    )
    for place, weight in ((0, 0.0), (3, 0.3), (10, 1.0)):
        expected = torch.lerp(first, second, weight)[floats]
        torch.testing.assert_close(seen[place][floats], expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(weights(training), seen[3])


def test_half_way_is_half_way():
    one = {"weight": torch.tensor([0.0, 2.0]), "seen": torch.tensor(3)}
    other = {"weight": torch.tensor([1.0, 0.0]), "seen": torch.tensor(8)}
    assert between(one, other, 0.25)["weight"].tolist() == [0.25, 1.5]
    assert between(one, other, 0.25)["seen"] == 8


@pytest.mark.parametrize(("stop", "precision"), [(1, "float32"), (4, "float32"), (5, "float32"), (4, "bf16")])
def test_interrupted_anywhere_it_ends_bitwise_the_same(plain_file, small_encoder, tmp_path, stop, precision):
    tuning = replace(TUNING, precision=precision)
    whole = opened(plain_file, small_encoder, tmp_path / "whole", tuning)
    whole.run(progress=False)
    chosen = whole.choose()

    class Died(BaseException):
        pass

    def die(trainer, *_):
        if trainer.step == stop:
            raise Died

    often = replace(tuning, save_minutes=1e-9)  # so that it dies right behind a save, within an epoch or at its end
    with pytest.raises(Died):
        opened(plain_file, small_encoder, tmp_path / "part", often).run([die], progress=False)
    again = opened(plain_file, small_encoder, tmp_path / "part", tuning)
    assert 0 < again.trainer.step <= stop
    again.run(progress=False)
    assert again.choose() == chosen
    assert torch.equal(weights(again), weights(whole))


def test_another_fine_tuning_in_the_folder_is_refused_naming_how(plain_file, small_encoder, small_config, tmp_path):
    opened(plain_file, small_encoder, tmp_path / "run").save()
    with pytest.raises(ValueError, match=r"tuning\.rate: 0\.003 -> 0\.1; tuning\.same: 'picture' -> 'class'"):
        opened(plain_file, small_encoder, tmp_path / "run", replace(TUNING, rate=0.1, same="class"))
    new_clip(small_config, seed=1).save(tmp_path / "other")
    with pytest.raises(ValueError, match="start: "):
        opened(plain_file, open_clip_encoder(str(tmp_path / "other")), tmp_path / "run")
    assert opened(plain_file, small_encoder, tmp_path / "run", replace(TUNING, save_minutes=3)).trainer.step == 0


def test_it_goes_on_from_drive_on_another_machine(plain_file, small_encoder, tmp_path):
    kept = replace(TUNING, drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    first = opened(plain_file, small_encoder, tmp_path / "here" / "clip", kept)
    first.train(5, progress=False)
    best = float(first.best.score)
    second = opened(plain_file, small_encoder, tmp_path / "there" / "clip", kept)
    assert second.trainer.step == 5
    assert float(second.best.score) == best


@pytest.fixture
def tuned(plain_file, small_encoder, tmp_path):
    outcome = fine_tune(small_encoder.name, plain_file, tmp_path / "run", TUNING, "cpu", progress=False)
    return tmp_path / "run", outcome.choice


def test_what_is_exported_is_what_was_chosen_and_opens_with_plain_open_clip(tuned, plain_file, small_encoder):
    folder, choice = tuned
    encoder = open_encoder(str(folder / "encoder"))
    held = evenly(read_split(plain_file, "val"), 8)
    score = mean_recall(*towers_of(encoder, 32).compare(held), held.caption_picture)
    assert score == pytest.approx(choice.curve[choice.weight])
    model = open_clip.create_model(f"local-dir:{folder / 'encoder'}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder / 'encoder'}")(["a red flower"])
    theirs = model.encode_text(tokens, normalize=True)
    torch.testing.assert_close(F.normalize(encoder.encode(["a red flower"]).sentence, dim=1), theirs.detach())
    assert encoder.ancestors == (small_encoder.fingerprint,)
    told = json.loads((folder / "choice.json").read_text())
    assert told["epoch"] == choice.epoch
    assert told["captions"] == len(held.captions)


def test_run_again_it_only_tells(tuned, plain_file, small_encoder, monkeypatch):
    folder, choice = tuned
    mark = open_encoder(str(folder / "encoder")).fingerprint
    monkeypatch.setattr(fine_tuning.Trainer, "learn", None)
    assert fine_tune(small_encoder.name, plain_file, folder, TUNING, "cpu", progress=False).choice == choice
    assert open_encoder(str(folder / "encoder")).fingerprint == mark


def test_a_sentence_bert_is_fine_tuned_with_a_new_picture_tower(plain_file, tmp_path):
    write_bert(tmp_path / "bert")
    before = open_encoder(str(tmp_path / "bert"))
    tuning = replace(TUNING, epochs=1, sentence_factor=0.5)
    outcome = fine_tune(str(tmp_path / "bert"), plain_file, tmp_path / "run", tuning, "cpu", progress=False)
    assert set(outcome.choice.epochs) == {0, 1}
    after = open_encoder(str(tmp_path / "run" / "encoder"))
    assert after.text_dim == before.text_dim
    rates = {
        group["lr"]
        for group in FineTuning(
            towers_of(before, 32), plain_file, before.fingerprint, tmp_path / "other", tuning, "cpu"
        )
        .trainer.turns[0]
        .optimizer.param_groups
    }
    assert rates == {3e-3, 1.5e-3}


def test_an_encoder_that_cannot_learn_so_is_refused(plain_file, tmp_path):
    from t2i_utils.text.char_cnn_rnn import new_char_encoder

    new_char_encoder(8, 8).save(tmp_path / "letters")
    with pytest.raises(ValueError, match="cannot be fine-tuned; name a CLIP"):
        fine_tune(str(tmp_path / "letters"), plain_file, tmp_path / "run", TUNING)
    assert not (tmp_path / "run").exists()


def test_a_clip_of_another_loss_is_refused(small_config):
    encoder = new_clip(small_config | {"init_logit_bias": -10.0}, "siglip")
    with pytest.raises(ValueError, match="siglip has a logit bias: it learnt by SigLIP's loss"):
        towers_of(encoder, 32)


def test_a_file_without_val_classes_is_refused(grey_file, small_encoder, tmp_path):
    with pytest.raises(ValueError, match=r"chosen on val classes: .*no pictures in its val split"):
        opened(grey_file, small_encoder, tmp_path / "run")


def test_a_batch_that_cannot_be_so_large_says_why(plain_file, small_encoder, tmp_path, capsys):
    training = opened(plain_file, small_encoder, tmp_path / "one", replace(TUNING, one_a_class=True))
    classes = len(read_split(plain_file, "train").classes.unique())
    assert f"a batch is {classes} pictures, not 32: one picture of each class" in capsys.readouterr().out
    seen = []
    training.train(2, watchers=[lambda t, pairing, _: seen.append(pairing.classes.tolist())], progress=False)
    assert all(len(set(one)) == len(one) == classes for one in seen)
    opened(plain_file, small_encoder, tmp_path / "all", replace(TUNING, batch_size=999))
    pictures = verify(plain_file).pictures["train"]
    assert f"a batch is {pictures} pictures, not 999: all pictures" in capsys.readouterr().out


def test_from_the_command_line(plain_file, small_encoder, tmp_path, capsys):
    data = shutil.copyfile(plain_file, tmp_path / "flowers.h5")
    asked = ["--epochs", "1", "--batch-size", "32", "--rate", "1e-3", "--val-pictures", "8", "--image-layers", "2"]
    where = ["finetune", str(data), "--encoder", small_encoder.name, "--out", str(tmp_path / "run")]
    assert main([*where, *asked, "--no-one-a-class"]) == 0
    told = capsys.readouterr().out
    assert "epoch 0" in told
    command = told.splitlines()[-1].removeprefix("use it: python -m t2i_utils ").split()
    assert main(command) == 0
    assert [name for name, *_ in verify(data).encoders] == ["tuned"]
    assert main([*where, "--epochs", "0"]) == 2
    assert "got 0 epochs" in capsys.readouterr().err
    assert main([*where, *asked, "--rate", "1"]) == 2
    assert "tuning.rate" in capsys.readouterr().err


def test_a_run_that_was_saved_holds_only_tensors_and_plain_values(tuned):
    newest = checkpoints.newest(tuned[0] / "checkpoints")
    assert checkpoints.load(newest.path)["state"]["best"]["epoch"] == tuned[1].epoch
    assert newest.facts["run"]["tuning"]["same"] == "picture"


def test_test_classes_are_examined_once_before_and_after(plain_file, small_encoder, tmp_path):
    outcome = fine_tune(small_encoder.name, plain_file, tmp_path / "run", TUNING, "cpu", progress=False)
    test = evenly(read_split(plain_file, "test"), 8)
    start = examine(towers_of(open_clip_encoder(small_encoder.name), 32), test, "synthetic_flowers")
    end = examine(towers_of(open_encoder(str(tmp_path / "run" / "encoder")), 32), test, "synthetic_flowers")
    assert (str(outcome.before), str(outcome.after)) == (str(start), str(end))
    assert outcome.before.retrieval.captions == len(test.captions)
    assert "class by its name, of" in str(outcome)


def test_an_examination_asks_for_classes_by_their_names(plain_file, small_encoder):
    test = evenly(read_split(plain_file, "test"), 8)
    classes = sorted(set(test.classes.tolist()))
    asked = class_sentences("synthetic_flowers", test.class_names, classes)
    assert list(asked) == classes
    assert asked[classes[0]][0] == f"a flower with {test.class_names[classes[0]]} petals"
    towers = towers_of(small_encoder, 32)
    found = examine(towers, test, "synthetic_flowers")
    images, sentences = towers.compare(test)
    prompts = {one: towers.read_all(said) for one, said in asked.items()}
    assert found.zero_shot == zero_shot(images, test.classes, prompts)
    assert found.retrieval == retrieval(images, sentences, test.caption_picture)
    nobody = replace(test, classes=torch.full_like(test.classes, -1))
    assert examine(towers, nobody, "folder").zero_shot is None
    assert class_sentences("folder", ["oak_tree"], [0, -1, 0]) == {
        0: ["a photo of oak tree.", "a picture of oak tree."]
    }
