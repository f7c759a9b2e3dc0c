"""Where the data sets lie: addresses, sizes, checksums and licences, in one table.

A size or checksum stands here only where somebody published it: sha256 and sizes are those of tensorflow_datasets
(url_checksums), md5 those of torchvision and of the CaltechDATA record. Nobody published any of the caption archives'.
"""

from __future__ import annotations

from t2i_utils.data import coco, cub, fashion_mnist, oxford
from t2i_utils.data.remote import DriveFile, RemoteFile, RemoteSet

GZIP, ZIP, MATLAB = b"\x1f\x8b", b"PK\x03\x04", b"MATLAB"
VGG = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
COCO_HOSTS = ("https://s3.amazonaws.com/images.cocodataset.org/", "http://images.cocodataset.org/")  # one bucket
FASHION_HOSTS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
ON_DRIVE = "the captions lie on Google Drive, which refuses popular files on some days"
SPLIT_LISTS = ("trainclasses.txt", "valclasses.txt", "testclasses.txt")


def _captions(name: str, mirrors: tuple[DriveFile, ...], *proof: str) -> RemoteFile:
    """An archive of Reed et al.: of the vectors, tokens and captions in it we take the captions and the class lists."""
    return RemoteFile(name, mirrors, GZIP, take=("text_c10", *SPLIT_LISTS), proof=(*proof, *SPLIT_LISTS))


def _coco(path: str, size: int, sha256: str, take: tuple[str, ...], proof: tuple[str, ...]) -> RemoteFile:
    mirrors = tuple(host + path for host in COCO_HOSTS)
    return RemoteFile(path.rpartition("/")[2], mirrors, ZIP, size, sha256, take=take, proof=proof)


def _fashion(name: str, size: int, sha256: str, md5: str) -> RemoteFile:
    return RemoteFile(name, tuple(host + name for host in FASHION_HOSTS), GZIP, size, sha256, md5)


OXFORD = RemoteSet(
    files=(
        RemoteFile(
            "imagelabels.mat",
            (f"{VGG}imagelabels.mat",),
            MATLAB,
            502,
            "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
            "e0620be6f572b9609742df49c70aed4d",
        ),
        RemoteFile(
            "setid.mat",
            (f"{VGG}setid.mat",),
            MATLAB,
            14_989,
            "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
            "a5357ecc9cb78c4bef273ce3793fc85c",
        ),
        _captions(
            "cvpr2016_flowers.tar.gz",
            (
                DriveFile("0B0ywwgffWnLLcms2WWJQRFNSWXM", "0-Av8zFbeDDvNcF1sSjDR32w"),
                DriveFile("0B0ywwgffWnLLcms2WWJQRFNSWXM"),
            ),
            "text_c10/class_00001",
            "text_c10/class_00102",
        ),
        RemoteFile(
            "102flowers.tgz",
            (f"{VGG}102flowers.tgz",),
            GZIP,
            344_862_509,
            "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
            "52808999861908f626f3c1f4e79d11fa",
            take=("jpg",),
            proof=("jpg/image_00001.jpg", "jpg/image_08189.jpg"),
        ),
    ),
    licence=oxford.LICENCE,
    notes=(ON_DRIVE,),
)

CUB = RemoteSet(
    files=(
        _captions(
            "cvpr2016_cub.tar.gz",
            (
                # The authors' page states no resourcekey; this one stands in several public repositories' links.
                DriveFile("0B0ywwgffWnLLZW9uVHNjb2JmNlE", "0-8y2UVmBHAlG26HafWYNoFQ"),
                DriveFile("0B0ywwgffWnLLZW9uVHNjb2JmNlE"),
            ),
            "text_c10/001.Black_footed_Albatross",
            "text_c10/200.Common_Yellowthroat",
        ),
        RemoteFile(
            "CUB_200_2011.tgz",
            (
                "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
                "https://s3.amazonaws.com/fast-ai-imageclas/CUB_200_2011.tgz",
                DriveFile("1hbzc_P1FuxMkcabkgn9ZKinBwW683j45"),
            ),
            GZIP,
            1_150_585_339,
            "0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
            "97eceeb196236b17998738112f37df78",
            take=("CUB_200_2011",),
            proof=(
                "CUB_200_2011/images.txt",
                "CUB_200_2011/bounding_boxes.txt",
                "CUB_200_2011/images/200.Common_Yellowthroat",
            ),
        ),
    ),
    licence=cub.LICENCE,
    notes=(ON_DRIVE,),
)

COCO = RemoteSet(
    files=(
        _coco(
            "annotations/annotations_trainval2014.zip",
            252_872_794,
            "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
            take=("annotations/captions_train2014.json", "annotations/captions_val2014.json"),
            proof=("annotations/captions_train2014.json", "annotations/captions_val2014.json"),
        ),
        _coco(
            "zips/val2014.zip",
            6_645_013_297,
            "fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
            take=("val2014",),
            proof=("val2014/COCO_val2014_000000000042.jpg",),
        ),
        _coco(
            "zips/train2014.zip",
            13_510_573_713,
            "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
            take=("train2014",),
            proof=("train2014/COCO_train2014_000000000009.jpg",),
        ),
    ),
    licence=coco.LICENCE,
    notes=("20.4 GB to fetch; while train2014.zip is unpacked the disk holds 34 GB",),
)

FASHION_MNIST = RemoteSet(
    files=(
        _fashion(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        _fashion(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "25c81989df183df01b3e8a0aad5dffbe",
        ),
        _fashion(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "bef4ecab320f06d8554ea6380940ec79",
        ),
        _fashion(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
    ),
    licence=fashion_mnist.LICENCE,
)

# names as in DATASETS; sets that are drawn, or that are a person's own, are not here
REMOTE_SETS: dict[str, RemoteSet] = {
    "oxford_flowers": OXFORD,
    "cub_birds": CUB,
    "coco_captions": COCO,
    "fashion_mnist": FASHION_MNIST,
}
