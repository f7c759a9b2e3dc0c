"""Which way imports point: read from the source of every module, inside functions too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "t2i_utils"

# A part may import itself, what stands before it, and nothing that is missing from its line.
BASE = {"interfaces", "data", "training", "models", "objectives", "text", "metrics", "colab", "whole", "drive"}
ALLOWED = {
    "__init__": set(),
    "interfaces": set(),
    "colab": set(),
    "signatures": set(),
    "whole": set(),
    "tensor_files": set(),
    "drive": {"whole"},
    "data": {"interfaces", "colab", "whole", "drive"},
    "training": {"interfaces", "colab", "whole", "tensor_files", "drive"},
    "models": {"interfaces"},
    "objectives": {"interfaces"},
    "text": {"interfaces", "colab", "whole", "drive", "data", "training", "published"},
    "metrics": {"interfaces", "colab", "data", "training", "text", "whole", "tensor_files", "published"},
    "recipe": BASE - {"metrics", "colab"},
    "recipes": (BASE - {"metrics", "colab"}) | {"recipe"},
    "painter": BASE | {"recipe", "recipes"},
    "runs": BASE | {"recipe", "recipes", "painter"},
    "fine_tuned": {"metrics"},
    "fine_tuning": {"fine_tuned", "interfaces", "colab", "whole", "data", "training", "text", "metrics"},
    "published": {"data"},
    "released": {"models", "published", "whole", "tensor_files"},
    "gallery": BASE | {"recipe", "recipes", "painter", "runs", "published"},
    "publish": BASE | {"recipe", "recipes", "runs", "painter", "gallery", "published"},
    "evaluation": BASE | {"recipe", "recipes", "painter", "runs", "gallery"},
    "playground": BASE | {"recipe", "recipes", "runs", "fine_tuned", "painter", "published", "gallery", "evaluation"},
}
ALLOWED["studies"] = set(ALLOWED) - {"__init__"}  # they measure whatever there is
ALLOWED["commands"] = set(ALLOWED) - {"__init__"}  # the command line may call everybody
ALLOWED["__main__"] = {"commands"}
EXCEPTIONS = {("objectives.terms", "text.damsm")}  # one term scores pictures with a trained encoder of both


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(source: str, module: str, is_package: bool = False) -> set[str]:
    """What `source` imports of ours, without the package's own name: `data.hdf5`, `interfaces.Text`, ..."""
    found: set[str] = set()
    inside = ["t2i_utils", *module.split(".")]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + is_package] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return {name.removeprefix("t2i_utils.") for name in found if name.startswith("t2i_utils.")}


def wrong_arrows(module: str, names: set[str]) -> set[str]:
    part = module.split(".")[0]
    fine = ALLOWED[part] | {part, "__version__"}
    excused = tuple(target for source, target in EXCEPTIONS if source == module)
    return {name for name in names if name.split(".")[0] not in fine and not name.startswith(excused)}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    path = MODULES[module]
    assert module.split(".")[0] in ALLOWED, f"{module} has no place among the arrows: give it a line in ALLOWED"
    assert not wrong_arrows(module, imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("objectives.round", "from t2i_utils.models.gan_cls import Generator"),
        ("objectives.round", "def late():\n    import t2i_utils.training.trainer"),
        ("objectives.penalties", "from t2i_utils.text.damsm import Encoder"),
        ("training.trainer", "from t2i_utils.objectives import adversarial"),
        ("models.gan_cls", "from ..training import turns"),
        ("data.loader", "from t2i_utils import models"),
        ("metrics.reader", "from t2i_utils.recipes import SYSTEMS"),
        ("recipes", "from t2i_utils import painter"),
        ("interfaces", "from .data import source"),
        ("runs", "from t2i_utils import playground"),
    ],
)
def test_a_wrong_arrow_is_seen(module, source):
    assert len(wrong_arrows(module, imported(source, module))) == 1


def test_the_one_exception_is_let_through():
    assert not wrong_arrows(
        "objectives.terms", imported("from t2i_utils.text.damsm import Encoder", "objectives.terms")
    )


def home(name: str) -> str:
    """The module that a dotted name lives in: `interfaces.Text` in `interfaces`, `__version__` in none."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def test_no_module_imports_itself_round_a_corner():
    graph = {}
    for name, path in MODULES.items():
        names = imported(path.read_text(encoding="utf-8"), name, path.name == "__init__.py")
        graph[name] = {home(target) for target in names} - {"", name}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name not in done:
            for target in sorted(graph.get(name, ())):
                walk(target, (*above, name))
            done.add(name)

    for name in graph:
        walk(name, ())
    assert done
