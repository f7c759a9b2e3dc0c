"""Archives that were made by people who mean harm, or by disks that do."""

import io
import struct
import tarfile
import zipfile


def tar(path, *members, mode="w:gz", form=tarfile.GNU_FORMAT):
    """Write a tar: each member is (name, bytes) for a file, (name, None) for a folder, or a TarInfo."""
    with tarfile.open(path, mode, format=form) as archive:
        for member in members:
            info, data = member if isinstance(member, tuple) else (member, b"")
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            if data is None:
                info.type, data = tarfile.DIRTYPE, b""
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def special(name, kind, target=""):
    """A link, device or fifo for `tar`."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(path, *members, packing=zipfile.ZIP_DEFLATED, mode=None):
    """Write a zip: each member is (name, bytes); `mode` is the Unix mode of every one of them."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = packing
            if mode is not None:
                info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


def zip_bomb(path, size):
    """A zip of one file of zeros, written quickly: a megabyte is packed once and repeated."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    body = block * (size // 2**20) + end
    name = b"jpg/zeros.bin"
    # Its true length, where a zip of today would need the long form: stated modulo 2**32.
    crc, packed, length = 0, len(body), size % 2**32
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, packed, length, len(name), 0)
    local = b"PK\x03\x04" + common + name
    extra = struct.pack("<HHQ", 1, 8, size) if size >= 2**32 else b""
    stated = 2**32 - 1 if extra else length
    central = b"PK\x01\x02" + struct.pack(
        "<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, crc, packed, stated, len(name), len(extra), 0, 0, 0, 0, 0
    )
    central += name + extra
    tail = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(body), 0)
    path.write_bytes(local + body + central + tail)
    return path


def gzip_bomb(path, size, header=b""):
    """A gz of `header` and then zeros, written quickly."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH) if header else b""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    with open(path, "wb") as file:
        file.write(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + start)
        for _ in range(size // 2**20):
            file.write(block)
        file.write(zlib.compressobj(9, zlib.DEFLATED, -15).flush() + bytes(8))
    return path


def header(name, size, kind=tarfile.REGTYPE):
    """The 512 bytes of a tar member's header."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)
