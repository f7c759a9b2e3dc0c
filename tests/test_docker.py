"""Docker's files against the program: no engine is needed, and no image is built."""

import argparse
import fnmatch
import json
import re
import shlex
from pathlib import Path

import pytest

from t2i_utils.playground.web_command import add_arguments

yaml = pytest.importorskip("yaml", reason="PyYAML comes with gradio and with JupyterLab")
ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
README = (ROOT / "docker" / "README.md").read_text()


def instructions() -> list[tuple[str, str]]:
    """(name, rest) of every instruction, in order, continued lines joined and comments left out."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#"))
    return [tuple(line.split(maxsplit=1)) for line in lines.replace("\\\n", " ").splitlines() if line.strip()]


def values(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_everything_that_is_copied_is_there_and_not_ignored():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    kept = [line[1:] for line in ignored if line[0] == "!"]
    assert ignored[0] == "*"
    copied = [source for rest in values("COPY") for source in shlex.split(rest)[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in kept), f"{source} is ignored"
    assert sorted(copied) == sorted(kept), "the context holds what is copied and no more"


def test_the_package_can_be_installed_from_what_is_copied():
    copied = {source for rest in values("COPY") for source in shlex.split(rest)[:-1]}
    named = set(re.findall(r'(?:readme|file) = \[?"([\w.]+)"', (ROOT / "pyproject.toml").read_text()))
    named |= set(re.findall(r'license-files = \["(\w+)"\]', (ROOT / "pyproject.toml").read_text()))
    assert named >= {"README.md", "requirements.txt", "LICENSE"}
    assert named <= copied
    assert re.search(r"^web = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE), "pip install '.[web]'"


def test_torch_is_the_cpus_and_no_older_than_ours():
    installed = " ".join(values("RUN"))
    assert "https://download.pytorch.org/whl/cpu" in installed
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line.startswith(("torch>", "torchvision>")):
            assert f'"{line.split()[0]}"' in installed


def test_what_the_image_runs_is_a_command_of_ours():
    (entry,), (command,), (port,) = values("ENTRYPOINT"), values("CMD"), values("EXPOSE")
    assert json.loads(entry) == ["python", "-m", "t2i_utils", "web"]
    options = parsed(json.loads(command))
    assert (options.host, options.port) == ("0.0.0.0", int(port))
    (health,) = values("HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/" in health
    compile(json.loads(health.split("CMD", 1)[1])[2], "healthcheck", "exec")


def test_nobody_is_root_and_nothing_can_be_written():
    assert values("USER") == ["10001"]
    assert [name for name, _ in instructions()].index("USER") < [name for name, _ in instructions()].index("ENTRYPOINT")
    assert "--uid 10001" in " ".join(values("RUN"))
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
        assert "privileged" not in service
        assert "volumes" not in service


def test_the_page_asks_the_model_and_only_the_page_can_be_reached():
    page, model = COMPOSE["services"]["page"], COMPOSE["services"]["model"]
    assert page["image"] == model["image"]
    assert (ROOT / "docker" / model["build"]["context"] / model["build"]["dockerfile"]).resolve() == (
        ROOT / "docker" / "Dockerfile"
    )
    asked, answers = parsed(page["command"]), parsed(model["command"])
    assert asked.service == f"http://model:{answers.port}"
    assert answers.service is None
    assert page["depends_on"] == {"model": {"condition": "service_healthy"}}
    assert "ports" not in model
    assert page["ports"] == [f"127.0.0.1:{asked.port}:{asked.port}"], "this machine alone"
    assert model["networks"] == ["inside"]
    assert set(page["networks"]) == {"inside", "outside"} == set(COMPOSE["networks"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert asked.port == answers.port == int(values("EXPOSE")[0]), "the image's health check asks this port"


def test_the_readmes_example_of_a_space_is_a_command_of_ours():
    (space,) = re.findall(r'main\(\["web", (.*)\]\)', README)
    assert parsed(json.loads(f"[{space}]")).port == 7860
