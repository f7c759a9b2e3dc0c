"""From data sets to files that a network can be trained on: data, download, build, verify, embed."""

from __future__ import annotations

import argparse
from pathlib import Path

from t2i_utils.commands.parsing import command


def add(commands) -> None:
    """Their options."""
    from t2i_utils.data.addresses import REMOTE_SETS
    from t2i_utils.data.datasets import DATASETS  # without torch, as is everything that `build` and its workers import

    about = command(commands, "data", tell_data, "list the data sets, or print the card of one")
    about.add_argument("dataset", metavar="DATASET", nargs="?", help=", ".join(DATASETS))
    fetch = command(commands, "download", download_files, "bring a data set to a folder, ready for build")
    fetch.add_argument("dataset", metavar="DATASET", help=", ".join(REMOTE_SETS))
    fetch.add_argument("--root", type=Path, required=True, help="the folder that gets it; what is there stays")
    build = command(commands, "build", build_file, "read a data set and write one HDF5 file")
    build.add_argument("dataset", metavar="DATASET", help=", ".join(DATASETS))
    build.add_argument(
        "--root", type=Path, help="where it lies: see `data DATASET` for the layout (none for built-in data)"
    )
    build.add_argument(
        "--size", type=int, help="pixels that networks will paint, square (default 64, or the data set's own size)"
    )
    build.add_argument("--out", type=Path, required=True, help="the HDF5 file to write")
    build.add_argument("--limit", type=int, help="at most so many pictures")
    build.add_argument("--classes", nargs="+", help="only these classes")
    verify = command(commands, "verify", verify_file, "check an HDF5 file whole and say what it holds")
    verify.add_argument("file", type=Path)
    embed = command(commands, "embed", embed_file, "write every caption's vector into an HDF5 file")
    embed.add_argument("file", type=Path)
    embed.add_argument(
        "--encoder",
        required=True,
        help="tiny_clip or char_cnn_rnn (trained on FILE if it is not there yet), flowers (the text tower of the "
        "painters in this package), sbert (all-MiniLM-L6-v2: `make sbert`), MODEL/TAG of open_clip, or a folder",
    )
    embed.add_argument("--steps", type=int, help="of training, where an encoder is trained")
    embed.add_argument("--name", help="by which `train --encoder` asks for the vectors (default: as --encoder)")


def tell_data(options: argparse.Namespace) -> None:
    """`data`: one line a data set, or the whole card of one."""
    from t2i_utils.data.cards import list_datasets, read_card

    print(list_datasets() if options.dataset is None else read_card(options.dataset).rstrip())


def download_files(options: argparse.Namespace) -> None:
    """`download`: a data set from its authors' addresses, with what a person has put there by hand."""
    from t2i_utils.data.download import download

    print(download(options.dataset, options.root))


def build_file(options: argparse.Namespace) -> None:
    """`build`: a data set to HDF5."""
    from t2i_utils.data.build import build
    from t2i_utils.data.datasets import read_dataset

    source = read_dataset(options.dataset, options.root, options.limit, options.classes)
    print(build(source, options.out, options.size))


def verify_file(options: argparse.Namespace) -> None:
    """`verify`: what a file holds, if it is whole."""
    from t2i_utils.data.verify import verify

    print(verify(options.file))


def embed_file(options: argparse.Namespace) -> None:
    """`embed`: captions to vectors, once."""
    from t2i_utils.colab import choose_device
    from t2i_utils.data.verify import verify
    from t2i_utils.text.embedding import embed
    from t2i_utils.text.encoders import open_encoder
    from t2i_utils.text.from_scratch import TRAINED, trained_folder

    verify(options.file, vectors=False)
    device, name = choose_device(), options.name or options.encoder
    if options.encoder in TRAINED and options.steps is not None:
        folder = trained_folder(options.encoder, options.file)
        if not folder.is_dir():
            TRAINED[options.encoder](options.file, folder, options.steps, device=device)
    encoder = open_encoder(options.encoder, options.file, device)
    fingerprint = embed(options.file, encoder, name)
    print(f"{options.file}: vectors of {name} ({encoder.text_dim} numbers), fingerprint {fingerprint[:12]}")
