"""Archives unpack whole or not at all, and never outside of their folder."""

import os
import stat
import tarfile
import time
import zipfile

import pytest
from hostile import gzip_bomb, header, special, tar, zip_bomb, zipped

from t2i_utils.data import unpack as unpacking
from t2i_utils.data.archives import Limits, safe_name
from t2i_utils.data.unpack import unpack

FINE = [("jpg/1.jpg", b"one"), ("jpg/deep/2.jpg", b"two"), ("jpg/empty", b"")]


def tree(folder):
    """Every file under a folder, and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def root(tmp_path):
    """A data set's folder, inside one where nothing may appear."""
    folder = tmp_path / "outer" / "root"
    folder.mkdir(parents=True)
    return folder


def refuse(archive, root, take=("jpg",), limits=None):
    """What is said of an archive that leaves nothing behind, inside the root or outside of it."""
    with pytest.raises(ValueError, match=archive.name) as refused:
        unpack(archive, root, take, limits)
    assert os.listdir(root) == []
    assert os.listdir(root.parent) == ["root"]
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.tgz", lambda path, members: tar(path, *members)),
        ("a.tar", lambda path, members: tar(path, *members, mode="w:")),
        ("a.tgz", lambda path, members: tar(path, *members, form=tarfile.PAX_FORMAT)),
        ("a.zip", lambda path, members: zipped(path, *members)),
        ("a.zip", lambda path, members: zipped(path, *members, packing=zipfile.ZIP_STORED)),
    ],
)
@pytest.mark.parametrize("around", ["", "./", "set/", "deep/er/"])
def test_what_is_wanted_is_there_and_nothing_else(root, tmp_path, name, write, around):
    members = [
        (around + member, data) for member, data in [*FINE, ("lists.txt", b"l"), ("other/x.t7", b"no"), ("a", b"")]
    ]
    assert unpack(write(tmp_path / name, members), root, ("jpg", "lists.txt")) == 4
    assert tree(root) == dict(FINE) | {"lists.txt": b"l"}
    assert not (root / "jpg" / "1.jpg").stat().st_mode & stat.S_IXUSR


def test_a_file_deep_inside_can_be_wanted_alone(root, tmp_path):
    archive = zipped(tmp_path / "a.zip", ("annotations/captions.json", b"{}"), ("annotations/boxes.json", b"[]"))
    (root / "annotations").mkdir()
    (root / "annotations" / "mine.txt").write_bytes(b"mine")
    unpack(archive, root, ("annotations/captions.json",))
    assert tree(root) == {"annotations/captions.json": b"{}", "annotations/mine.txt": b"mine"}


@pytest.mark.parametrize(
    "name", ["../x", "jpg/../../x", "/etc/x", "jpg/..", "C:/x", "C:x", "..\\x", "jpg\\x", "jpg/x\ny", "jpg/\0"]
)
def test_a_name_that_leads_out_is_refused(root, tmp_path, name):
    if "\0" not in name:  # a tar's names end there
        assert "inside its folder" in refuse(tar(tmp_path / "a.tgz", *FINE, (name, b"x")), root)
    archive = zipped(tmp_path / "a.zip", *FINE, ("jpg/QQQQQQQQQQ", b"x"))
    raw = name.encode().ljust(14, b"q")
    archive.write_bytes(archive.read_bytes().replace(b"jpg/QQQQQQQQQQ", raw))
    if name == "jpg/..":
        archive = zipped(tmp_path / "a.zip", *FINE, (name, b"x"))
    assert "inside its folder" in refuse(archive, root)


@pytest.mark.parametrize(("name", "safe"), [("./jpg//1.jpg", "jpg/1.jpg"), ("jpg/", "jpg"), ("./", ""), ("..a", "..a")])
def test_a_plain_name_loses_only_what_means_nothing(name, safe):
    assert safe_name(name) == safe


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(ValueError, match="inside its folder"):
        safe_name("jpg/\udc80")


@pytest.mark.parametrize(
    "member",
    [
        special("jpg/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("jpg/link", tarfile.SYMTYPE, "1.jpg"),
        special("jpg", tarfile.SYMTYPE, "/etc"),
        special("jpg/link", tarfile.LNKTYPE, "jpg/1.jpg"),
        special("jpg/link", tarfile.LNKTYPE, "../../x"),
        special("jpg/pipe", tarfile.FIFOTYPE),
        special("jpg/device", tarfile.CHRTYPE),
        special("jpg/device", tarfile.BLKTYPE),
        special("jpg/sparse", tarfile.GNUTYPE_SPARSE),
    ],
    ids=lambda member: f"{member.type} {member.linkname}",
)
def test_only_files_and_folders_come_out_of_a_tar(root, tmp_path, member):
    assert "link or device" in refuse(tar(tmp_path / "a.tgz", *FINE, member), root)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR])
def test_only_files_and_folders_come_out_of_a_zip(root, tmp_path, mode):
    assert "link or device" in refuse(zipped(tmp_path / "a.zip", ("jpg/x", b"/etc/passwd"), mode=mode), root)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names",
    [("jpg/1", "jpg/1"), ("jpg/1", "./jpg//1"), ("jpg/a", "jpg/A"), ("jpg/é", "jpg/e\u0301"), ("jpg/1", "jpg/1/2"),
     ("jpg/1/2", "jpg/1")],
)  # fmt: skip
@pytest.mark.parametrize("write", [tar, zipped])
def test_no_member_lies_over_another(root, tmp_path, names, write):
    assert "over another" in refuse(write(tmp_path / "archive", *((name, b"x") for name in names)), root)


def test_a_folder_may_be_named_twice(root, tmp_path):
    unpack(tar(tmp_path / "a.tgz", ("jpg", None), *FINE, ("jpg", None), ("jpg/deep", None)), root, ("jpg",))
    assert tree(root) == dict(FINE)


def test_ten_gigabytes_of_zeros_are_refused_within_a_second(root, tmp_path):
    archive = zip_bomb(tmp_path / "bomb.zip", 10 * 2**30)
    with zipfile.ZipFile(archive) as opened:
        assert opened.getinfo("jpg/zeros.bin").file_size == 10 * 2**30
    began = time.monotonic()
    assert "unpack to more than" in refuse(archive, root)
    assert time.monotonic() - began < 1


def test_ten_gigabytes_in_a_tar_are_refused_within_a_second(root, tmp_path):
    archive = gzip_bomb(tmp_path / "bomb.tgz", 256 * 2**20, header("jpg/zeros", 10 * 2**30))
    began = time.monotonic()
    assert "unpack to more than" in refuse(archive, root)
    assert time.monotonic() - began < 1


def test_bytes_are_counted_and_no_header_is_believed(root, tmp_path):
    tight = Limits(small=2**20, ratio=20)
    lying = zip_bomb(tmp_path / "lying.zip", 8 * 2**20)
    data = lying.read_bytes()
    size = (8 * 2**20).to_bytes(4, "little")
    assert data.count(size) == 2
    lying.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    assert "damaged" in refuse(lying, root, limits=tight)  # no more than it stated was read, and the sum was wrong
    behind = gzip_bomb(tmp_path / "behind.tgz", 64 * 2**20, header("jpg/1", 0) + bytes(1024))
    assert "unpack to more than" in refuse(behind, root, limits=tight)  # zeros after the end are read too


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_that_would_fill_the_memory_is_not_read(root, tmp_path, kind):
    resource = pytest.importorskip("resource")
    archive = gzip_bomb(tmp_path / "bomb.tgz", 512 * 2**20, header("jpg/x", 2**29, kind))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "536,870,912 bytes" in refuse(archive, root)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("write", [tar, zipped])
def test_too_many_members_are_refused(root, tmp_path, write):
    archive = write(tmp_path / "archive", *((f"jpg/{number}", b"") for number in range(11)))
    assert "more than 10 members" in refuse(archive, root, limits=Limits(members=10))
    unpack(archive, root, ("jpg",), Limits(members=11))
    assert len(tree(root)) == 11


@pytest.mark.parametrize("limits", [Limits(unpacked=2999), Limits(small=100, ratio=1)])
@pytest.mark.parametrize("write", [tar, zipped])
def test_small_members_add_up(root, tmp_path, write, limits):
    archive = write(tmp_path / "archive", *((f"jpg/{number}", bytes(1000)) for number in range(3)))
    assert "unpack to more than" in refuse(archive, root, limits=limits)


def test_an_encrypted_zip_is_refused(root, tmp_path):
    archive = zipped(tmp_path / "a.zip", ("jpg/1", b"secret"))
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    assert "encrypted" in refuse(archive, root)


@pytest.mark.parametrize("write", [tar, zipped, lambda path, *members: tar(path, *members, mode="w:")])
@pytest.mark.parametrize("keep", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_an_archive_that_is_cut_short_is_refused(root, tmp_path, write, keep):
    noise = [(f"jpg/{number}", os.urandom(3000)) for number in range(20)]
    archive = write(tmp_path / "archive", *noise)
    data = archive.read_bytes().rstrip(b"\0")
    archive.write_bytes(data[: int(len(data) * keep)])
    assert "fetch it again" in refuse(archive, root)


@pytest.mark.parametrize("write", [tar, zipped])
def test_a_byte_that_changed_is_seen(root, tmp_path, write):
    archive = write(tmp_path / "archive", ("jpg/1", os.urandom(3000)), ("jpg/2", os.urandom(3000)))
    data = bytearray(archive.read_bytes())
    data[1500] ^= 4
    archive.write_bytes(data)
    assert "damaged" in refuse(archive, root)


def test_a_broken_header_is_no_end_of_the_archive(root, tmp_path):
    archive = tar(tmp_path / "a.tar", ("jpg/1", b"1" * 512), ("jpg/2", b"2" * 512), mode="w:")
    data = bytearray(archive.read_bytes())
    data[1024 + 3] ^= 1
    archive.write_bytes(data)
    assert "header cannot be read" in refuse(archive, root)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<html>", b"PK\x03\x04", b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(50), bytes(999)]
)
def test_what_is_no_archive_is_refused(root, tmp_path, data):
    (tmp_path / "archive").write_bytes(data)
    assert "archive is" in refuse(tmp_path / "archive", root)


def test_the_wrong_archive_says_what_it_holds(root, tmp_path):
    said = refuse(tar(tmp_path / "a.tgz", ("images/1.jpg", b"1"), ("jpg/1", b"1")), root, ("jpg", "lists.txt"))
    assert "lacks lists.txt" in said
    assert "images, jpg" in said


def test_a_folder_that_is_there_is_left_alone(root, tmp_path):
    (root / "jpg").mkdir()
    (root / "jpg" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(ValueError, match="is there already; move it away"):
        unpack(tar(tmp_path / "a.tgz", *FINE), root, ("jpg",))
    assert tree(root) == {"jpg/mine.jpg": b"mine"}


@pytest.mark.parametrize("stops", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("write", [tar, zipped])
def test_stopping_it_leaves_nothing_and_a_rerun_ends_well(root, tmp_path, monkeypatch, stops, write):
    archive = write(tmp_path / "archive", *FINE)
    real = unpacking._copy

    def stop(source, target, size, name):
        if name == "jpg/deep/2.jpg":
            raise stops
        real(source, target, size, name)

    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "_copy", stop)
        with pytest.raises(stops):
            unpack(archive, root, ("jpg",))
    assert os.listdir(root) == []
    unpack(archive, root, ("jpg",))
    assert tree(root) == dict(FINE)


def test_what_a_killed_process_left_is_removed(root, tmp_path):
    (root / ".a.tgz.unpacking" / "jpg").mkdir(parents=True)
    (root / ".a.tgz.unpacking" / "jpg" / "half").write_bytes(b"ha")
    unpack(tar(tmp_path / "a.tgz", *FINE), root, ("jpg",))
    assert tree(root) == dict(FINE)
    assert os.listdir(root) == ["jpg"]


def test_a_full_disk_is_told_before_anything_is_written(root, tmp_path, monkeypatch):
    archive = tar(tmp_path / "a.tgz", *FINE)
    monkeypatch.setattr(unpacking, "check_disk", lambda folder, needed, what: (_ for _ in ()).throw(OSError(needed)))
    with pytest.raises(OSError, match="6"):
        unpack(archive, root, ("jpg",))
    assert os.listdir(root) == []
