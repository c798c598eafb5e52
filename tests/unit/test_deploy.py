"""deploy/ names only what there is: commands, queues, variables, paths, ports.

No container engine runs here: what it would say to these files is not known.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app import create_app, open_office, settings, upkeep
from app.channels import open_channels
from app.cli import COMMANDS
from app.settings import KNOWN_VARIABLES, ROOT, Settings
from app.web.application import LARGEST_BODY
from app.web.hooks import LARGEST

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted(
    one for one in (DEPLOY / "kubernetes").glob("*.yaml") if one.name != "kustomization.yaml"
)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
PLACEHOLDER = "CHANGE-ME"
KEY = "A" * 43
QUEUES = {*upkeep.DRAINS, "upkeep"}
Commands = set[tuple[str, ...]]


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in MANIFESTS:
        for one in yaml.safe_load_all(path.read_text()):
            yield path, one


def found(value: object, key: str) -> Iterator[Any]:
    """Every value that stands anywhere under this key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from found(inner, key)
    if isinstance(value, list):
        for inner in value:
            yield from found(inner, key)


def pods() -> Iterator[dict[str, Any]]:
    for _, document in documents():
        yield from (one["spec"] for one in found(document, "template") if "spec" in one)


def containers(part: str = "containers") -> Iterator[dict[str, Any]]:
    for pod in pods():
        yield from pod.get(part, ())


def variables(path: Path) -> dict[str, str]:
    """A file of NAME=value lines."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines if not name.startswith("#")}


def filled(values: dict[str, str]) -> dict[str, str]:
    return {name: value.replace(PLACEHOLDER, KEY) for name, value in values.items()}


def kubernetes_variables() -> dict[str, str]:
    config, secret = (
        next(one for _, one in documents() if one["kind"] == kind)
        for kind in ("ConfigMap", "Secret")
    )
    plain = {name: str(value) for name, value in config["data"].items() if name.isupper()}
    return plain | {name: str(value) for name, value in secret["stringData"].items()}


def systemd_lines(path: Path, key: str) -> list[str]:
    lines = path.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def loaded(home: Path, environment: dict[str, str]) -> Settings:
    config = home / "config"
    shutil.copytree(ROOT / "config", config)
    shutil.copy(DEPLOY / "siang.toml", config / "siang.toml")
    return settings.load({**environment, "SIANG_CONFIG": str(config), "SIANG_HOME": str(home)})


ENVIRONMENTS = {
    "systemd": variables(DEPLOY / "environment.example"),
    "compose": variables(DEPLOY / "compose" / "environment.example"),
    "kubernetes": kubernetes_variables(),
}


# --- variables and settings -------------------------------------------------------------------


@pytest.mark.parametrize("way", ENVIRONMENTS)
def test_the_example_environment_starts_siang_and_leaves_no_secret_to_be_made(
    way: str, tmp_path: Path
) -> None:
    assert loaded(tmp_path, filled(ENVIRONMENTS[way])).service.proxies == 1
    assert not (tmp_path / "secrets.env").exists(), "a secret was missing and was made up"


@pytest.mark.parametrize("way", ENVIRONMENTS)
def test_the_example_lets_another_machine_read_the_metrics(way: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, filled(ENVIRONMENTS[way])).metrics_token


@pytest.mark.parametrize("way", ENVIRONMENTS)
def test_no_example_holds_a_secret(way: str) -> None:
    for name, value in ENVIRONMENTS[way].items():
        if name.endswith(("KEY", "TOKEN", "PASSWORD", "DATABASE_URL", "REDIS_URL")):
            assert PLACEHOLDER in value, name


def test_the_settings_of_production_open_their_channels_without_a_phone_page(
    tmp_path: Path,
) -> None:
    opened = open_channels(loaded(tmp_path, filled(ENVIRONMENTS["systemd"])).channels)
    assert {one.config.kind for one in opened.values()} == {"kannel"}


def test_kubernetes_has_the_same_siang_toml() -> None:
    config = next(one for _, one in documents() if one["kind"] == "ConfigMap")
    assert tomllib.loads(config["data"]["siang.toml"]) == tomllib.loads(
        (DEPLOY / "siang.toml").read_text()
    )


def test_every_variable_of_the_image_and_the_units_is_one_that_siang_knows() -> None:
    text = DOCKERFILE + "".join(unit.read_text() for unit in UNITS)
    named = set(re.findall(r"\b(SIANG_[A-Z_]+)=", text))
    assert named
    assert named <= KNOWN_VARIABLES


# --- commands ---------------------------------------------------------------------------------


def run(words: list[str]) -> tuple[str, ...]:
    """`siang serve`, `worker.py turns`: what of a command is ours."""
    names = [Path(word).name for word in words]
    start = next(n for n, name in enumerate(names) if name in {"siang", "worker.py"})
    return tuple(names[start:])


def of_systemd() -> Commands:
    lines = [line for unit in UNITS for line in systemd_lines(unit, "ExecStart")]
    written = {run(shlex.split(line)) for line in lines}
    wanted = " ".join(systemd_lines(DEPLOY / "systemd" / "siang.target", "Wants"))
    named = {("worker.py", name) for name in re.findall(r"siang-worker@(\w+)\.service", wanted)}
    return (written - {("worker.py", "%i")}) | named


def of_compose() -> Commands:
    ours = (one for one in COMPOSE["services"].values() if one["image"].startswith("siang:"))
    return {run(one["command"]) for one in ours}


def of_kubernetes() -> Commands:
    both = (*containers(), *containers("initContainers"))
    return {run(one["command"]) for one in both if one["image"] == "siang"}


WAYS = {"systemd": of_systemd, "compose": of_compose, "kubernetes": of_kubernetes}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_started_exists(way: str) -> None:
    for command in WAYS[way]():
        known = COMMANDS if command[0] == "siang" else QUEUES
        assert command[1] in known, command


@pytest.mark.parametrize("way", WAYS)
def test_each_way_starts_every_process_of_the_procfile_and_prepares_first(way: str) -> None:
    lines = (line.partition(": ")[2] for line in (ROOT / "Procfile").read_text().splitlines())
    # Where memory is not scarce each worker of a line is started by itself.
    wanted = {
        (program, name)
        for program, *names in (run(shlex.split(line)) for line in lines)
        for name in names
    }
    assert {*wanted, ("siang", "prepare")} <= WAYS[way]()


# --- paths and ports --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    home = tmp_path_factory.mktemp("home")
    office = open_office(
        loaded(home, filled(ENVIRONMENTS["systemd"])), "postgresql://nobody@localhost/siang"
    )
    return [one.rule for one in create_app(office).url_map.iter_rules()]


def test_probes_and_the_proxy_ask_for_paths_that_exist(rules: list[str]) -> None:
    probed = {one["path"] for _, document in documents() for one in found(document, "httpGet")}
    assert probed == {"/health/live", "/health/ready"}
    nginx = (DEPLOY / "nginx" / "nginx.conf").read_text()
    passed = re.findall(r"location (?:= )?(/\S+) \{", nginx)
    assert passed == ["/channels/", "/api/v1/", "/health/ready"]
    for path in {*probed, *passed, "/health/live"}:
        assert any(rule.startswith(path) for rule in rules), path


def test_ports_agree_from_the_proxy_to_the_process() -> None:
    assert "PORT=8000" in DOCKERFILE
    assert "EXPOSE 8000" in DOCKERFILE
    served = (DEPLOY / "nginx" / "upstream.conf").read_text()
    target = (DEPLOY / "systemd" / "siang.target").read_text()
    assert re.findall(r"127\.0\.0\.1:(\d+)", served) == re.findall(r"siang-web@(\d+)", target)
    web = next(one for one in containers() if one["name"] == "web")
    assert [one["containerPort"] for one in web["ports"]] == [8000]
    services = {one["metadata"]["name"]: one for _, one in documents() if one["kind"] == "Service"}
    assert services["web"]["spec"]["ports"][0]["port"] == 8000


def test_nginx_of_compose_finds_the_web_processes_at_their_addresses() -> None:
    upstream = (DEPLOY / "compose" / "upstream.conf").read_text()
    webs = [COMPOSE["services"][name] for name in ("web-1", "web-2")]
    given = [one["networks"]["outside"]["ipv4_address"] for one in webs]
    assert re.findall(r"server ([\d.]+):8000", upstream) == given


def test_the_proxy_lets_through_the_largest_body_that_siang_takes() -> None:
    nginx = (DEPLOY / "nginx" / "nginx.conf").read_text()
    found_size = re.search(r"client_max_body_size (\d+)k;", nginx)
    assert found_size
    assert int(found_size[1]) * 1024 == max(LARGEST_BODY, *LARGEST.values())


# --- images -----------------------------------------------------------------------------------


def test_every_image_has_a_version() -> None:
    images = {one["image"] for one in COMPOSE["services"].values()}
    images |= {one["image"] for one in containers() if one["image"] != "siang"}
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert all(re.search(r":\d", image) for image in images), images
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert [one["newTag"] for one in kustomization["images"]] == ["0.1.0"]


def test_the_image_is_made_of_files_that_exist_and_runs_as_nobody_special() -> None:
    ignored = (ROOT / ".dockerignore").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}\n" in ignored, f"{source} is kept out of the build"
    assert re.search(r"^USER 10001", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"apt-get|gcc|build-essential", DOCKERFILE)


def test_what_compose_mounts_and_reads_is_there() -> None:
    folder = DEPLOY / "compose"
    mounts = (
        str(one) for service in COMPOSE["services"].values() for one in service.get("volumes", ())
    )
    named = {one.split(":")[0] for one in mounts}
    paths = {one for one in named if one.startswith(".")} - {"./tls"}
    assert all((folder / one).resolve().exists() for one in paths), paths
    assert {one for one in named if not one.startswith(".")} == set(COMPOSE["volumes"])


def test_redis_refuses_rather_than_forgets() -> None:
    command = " ".join(COMPOSE["services"]["redis"]["command"])
    assert "--appendonly yes --appendfsync everysec" in command
    assert "--maxmemory-policy noeviction" in command


# --- kubernetes -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_fits_the_schema_of_kubernetes(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_the_kustomization_names_every_manifest() -> None:
    named = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    ours = {one.name.replace("secret.example", "secret") for one in MANIFESTS}
    assert set(named) == ours


def test_no_service_puts_a_variable_of_its_own_into_the_environment() -> None:
    # SIANG_…_SERVICE_HOST would be one that Siang does not know, and it would not start.
    assert all(pod["enableServiceLinks"] is False for pod in pods())


def test_a_pod_is_closed_has_limits_and_time_to_stop() -> None:
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["terminationGracePeriodSeconds"] == 30
        assert not pod["automountServiceAccountToken"]
        for one in (*pod["containers"], *pod.get("initContainers", ())):
            assert one["securityContext"]["readOnlyRootFilesystem"]
            assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(one["resources"])


def test_the_spool_of_web_outlives_its_pod_and_is_emptied_by_an_upkeep_beside_it() -> None:
    web = next(one for _, one in documents() if one["kind"] == "StatefulSet")
    assert [one["name"] for one in web["spec"]["template"]["spec"]["containers"]] == [
        "web",
        "upkeep",
    ]
    (claim,) = web["spec"]["volumeClaimTemplates"]
    mounts = [
        one["mountPath"]
        for container in web["spec"]["template"]["spec"]["containers"]
        for one in container["volumeMounts"]
        if one["name"] == claim["metadata"]["name"]
    ]
    assert mounts == ["/var/lib/siang"] * 2


# --- systemd ----------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_and_little_exposed(tmp_path: Path) -> None:
    programs = tmp_path / "srv" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("siang", "python"):
        (programs / name).symlink_to("/bin/true")
    for unit in (DEPLOY / "systemd").glob("siang*.*"):
        if unit.suffix in {".service", ".target", ".timer"}:
            written = unit.read_text().replace("/srv/siang", str(tmp_path / "srv"))
            (tmp_path / unit.name.replace("@", "@8001")).write_text(written)
            (tmp_path / unit.name).write_text(written)
    units = sorted(str(one) for one in tmp_path.glob("*.service") if "@." not in one.name)
    for command in (
        ["systemd-analyze", "verify", "--man=no", "--generators=no", *units],
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30", *units],
    ):
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:", "SYSTEMD_LOG_COLOR": "0"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert str(tmp_path) not in done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_as_its_own_account_with_a_limit(unit: Path) -> None:
    for key in ("User", "MemoryMax", "ProtectSystem", "NoNewPrivileges", "EnvironmentFile"):
        assert systemd_lines(unit, key), key
    if systemd_lines(unit, "Type") != ["oneshot"]:
        assert systemd_lines(unit, "Restart") == ["always"]
        assert systemd_lines(unit, "TimeoutStopSec") == ["15"]
