import importlib.util
import subprocess
import sys
from pathlib import Path

PROFILE = "auto"  # @param ["auto", "smoke", "demo", "full"]
PRECISION = "auto"  # @param ["auto", "float32", "bf16", "fp16"]
USE_DRIVE = False  # @param {type:"boolean"}
REPOSITORY = ""  # written here by `make address`

if importlib.util.find_spec("t2i_utils") is None:
    above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "t2i_utils/__init__.py").is_file()]
    copies = sorted([*Path.cwd().glob("t2i[_-]utils*.[wz]*"), *Path("/kaggle/input").rglob("t2i_utils*.whl")])
    if above:  # a checkout
        sys.path.insert(0, str(above[0]))
    elif copies or REPOSITORY:
        source = copies[-1] if copies else f"git+{REPOSITORY}"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", source], check=True)
    else:
        raise FileNotFoundError(f"no t2i_utils: upload its .whl (from `make wheel`) to {Path.cwd()}, run this again")
from t2i_utils import colab

colab.install_missing()
profile, device, drive = colab.choose_profile(PROFILE), colab.choose_device(), colab.offer_drive(USE_DRIVE)
print(colab.report(PROFILE, PRECISION))
