"""Container, batch job, compilers, packages and the state of the checkout."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ngtbench.discover import software
from ngtbench.discover.answers import Unread, unexplained
from ngtbench.discover.host import host
from ngtbench.discover.source import Source, run
from tests.fakes.host import no_command, write


def source(root: Path, env: dict[str, str] | None = None) -> Source:
    return Source(root, env or {}, "x86_64", frozenset({0}), no_command)


@pytest.mark.parametrize(
    ("files", "env", "container"),
    [
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"/.dockerenv": "", "/var/run/secrets/kubernetes.io/serviceaccount/token": ""}, {}, "kubernetes"),
        ({}, {"APPTAINER_CONTAINER": "image.sif"}, "apptainer"),
        ({"/.singularity.d/runscript": ""}, {}, "apptainer"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({}, {"container": "oci"}, "oci"),
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/proc/1/cgroup": "0::/system.slice/docker-abc.scope"}, {}, "docker"),
        ({"/proc/1/cgroup": "11:cpu:/kubepods/besteffort/podabc"}, {}, "kubernetes"),
        ({"/run/systemd/container": "lxc-libvirt"}, {}, "lxc-libvirt"),
        ({"/proc/1/cgroup": "0::/init.scope"}, {}, None),
        ({}, {}, None),
    ],
)
def test_containers(tmp_path: Path, files: dict[str, str], env: dict[str, str], container: str | None) -> None:
    write(tmp_path, files)
    found = host(source(tmp_path, env))
    assert found.container == container
    assert unexplained(found) == []


@pytest.mark.parametrize(
    ("env", "scheduler"),
    [
        ({"SLURM_JOB_ID": "4711"}, "slurm job 4711"),
        ({"_CONDOR_SLOT": "slot1_2"}, "htcondor slot slot1_2"),
        ({"PBS_JOBID": "12.server"}, "pbs job 12.server"),
        ({"SLURM_JOB_ID": ""}, None),
        ({}, None),
    ],
)
def test_schedulers(tmp_path: Path, env: dict[str, str], scheduler: str | None) -> None:
    found = host(source(tmp_path, env))
    assert found.scheduler == scheduler
    assert ("scheduler" in found.missing) == (scheduler is None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME=Alpine", "Alpine"),
    ],
)
def test_distributions(tmp_path: Path, text: str, name: str) -> None:
    write(tmp_path, {"/etc/os-release": text})
    assert host(source(tmp_path)).distribution == name


def test_compilers_give_their_version_line_or_a_reason(tmp_path: Path) -> None:
    said = {
        "gcc": "gcc (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022",
        "nvcc": "nvcc: NVIDIA (R) Cuda compiler driver\nCopyright (c) 2005\nCuda compilation tools, release 12.4, V12.4.131",
        "clang": "\n",
    }

    def answer(command: Sequence[str]) -> str:
        if command[0] == "hipcc":
            raise Unread("hipcc did not answer within 10 s")
        if command[0] not in said:
            raise Unread("not on PATH")
        return said[command[0]]

    found, missing = software.compilers(Source(tmp_path, {}, "x86_64", frozenset({0}), answer))
    assert found == {"gcc": "gcc (Debian 12.2.0-14) 12.2.0", "nvcc": "Cuda compilation tools, release 12.4, V12.4.131"}
    assert missing["compilers.g++"] == "not on PATH"
    assert missing["compilers.hipcc"] == "hipcc did not answer within 10 s"
    assert "says nothing" in missing["compilers.clang"]
    assert set(found) | {key.removeprefix("compilers.") for key in missing} == set(software.COMPILERS)


def test_commands_that_fail_are_reasons() -> None:
    assert run(("echo", "good")) == "good\n"
    for command, reason in (
        (("ngtbench-no-such-command",), "not on PATH"),
        (("sh", "-c", "echo broken >&2; exit 3"), "broken"),
        (("false",), "false failed with status 1"),
        (("/",), "Permission denied"),
    ):
        with pytest.raises(Unread, match=reason):
            run(command)


def test_packages_are_versions_or_reasons() -> None:
    found, missing = software.packages()
    assert found["python"].startswith("CPython 3.")
    assert found["numpy"][0].isdigit()
    absent = {key.removeprefix("packages.") for key in missing}
    for family, names in software.PACKAGES.items():
        assert (family in absent) == (not set(names) & set(found))


def test_git_state_of_a_checkout(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")

    def git(*words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=trunk")
        command = ("git", "-C", str(tmp_path), *identity, *words)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    here = Source()
    assert "without a git checkout" in software.git(here, package).missing["commit"]
    git("init")
    git("commit", "--allow-empty", "-m", "somebody else's")
    assert "without a git checkout" in software.git(here, package).missing["commit"]  # inside a checkout, but no part of it
    git("add", ".")
    git("commit", "-m", "first")
    clean = software.git(here, package)
    assert (clean.commit, clean.branch, clean.dirty, clean.missing) == (git("rev-parse", "HEAD"), "trunk", False, {})
    (package / "__init__.py").write_text("changed = True")
    git("checkout", "--detach")
    detached = software.git(here, package)
    assert (detached.branch, detached.dirty, detached.missing) == (None, True, {"branch": "detached HEAD"})
    assert unexplained(detached) == []


def test_without_git_the_state_is_a_reason(tmp_path: Path) -> None:
    found = software.git(source(tmp_path), tmp_path)
    assert unexplained(found) == []
    assert found.missing["commit"] == "installed without a git checkout (not on PATH)"
