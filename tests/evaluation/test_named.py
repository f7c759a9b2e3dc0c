"""What a person names: runs, packed painters, folders of pictures; and everything that cannot be scored together."""

import shutil
from types import SimpleNamespace

import pytest
from PIL import Image

from t2i_utils.evaluation.named import Named, open_named, size_of

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))


def test_a_run_a_packed_painter_and_a_folder_of_pictures(trained_run, tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "a.png")
    run, packed, pictures = open_named([str(trained_run), "flowers", str(tmp_path / "pictures")])
    assert (run.name, run.run, run.pictures) == ("gan_cls at step 3", trained_run, None)
    assert (packed.name, packed.run, packed.pictures) == ("flowers (gan_cls)", None, None)
    assert (pictures.name, pictures.painter, pictures.pictures) == ("pictures", None, tmp_path / "pictures")


def test_two_of_one_name_are_told_apart(trained_run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained_run, other)
    first, second = open_named([str(trained_run), str(other)])
    assert first.name == f"gan_cls at step 3, {trained_run}"
    assert second.name == second.painter.name == f"gan_cls at step 3, {other}"
    (tmp_path / "noise").mkdir()
    (folder,) = open_named([str(tmp_path / "noise")], taken=("real pictures", "noise"))
    assert folder.name == f"noise, {tmp_path / 'noise'}"


def test_what_cannot_be_opened_is_refused(trained_run, tmp_path):
    with pytest.raises(ValueError, match="is named twice; name it once"):
        open_named([str(trained_run), str(trained_run)])
    with pytest.raises(FileNotFoundError, match="no painter is called 'nobody'"):
        open_named(["nobody"])
    begun = tmp_path / "begun"
    shutil.copytree(trained_run, begun)
    shutil.rmtree(begun / "checkpoints")
    (begun / "samples").mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(begun / "samples" / "step_1.png")
    with pytest.raises(FileNotFoundError):  # its samples are no pictures to score
        open_named([str(begun)])


def of_size(name, size):
    return Named(name, SimpleNamespace(generator=SimpleNamespace(image_shape=(3, size, size))))


def test_one_size_for_all():
    folder = Named("folder", pictures=None)
    assert size_of([of_size("a", 32), folder, of_size("b", 32)]) == 32
    assert size_of([folder], 48) == 48
    assert size_of([of_size("a", 32), folder], 32) == 32


def test_several_sizes_do_not_compare():
    with pytest.raises(ValueError, match=r"do not compare \(a: 32, b: 64 px\); evaluate them one by one"):
        size_of([of_size("a", 32), of_size("b", 64)])
    with pytest.raises(ValueError, match=r"\(a: 32, --size: 64 px\)"):
        size_of([of_size("a", 32)], 64)
    with pytest.raises(ValueError, match="give --size"):
        size_of([Named("folder")])
