"""Where we run: operating system, container and batch job."""

import os
import platform
import re

from ngtbench.discover.answers import Answers, Unread
from ngtbench.discover.source import Source
from ngtbench.model.machine import Host

_JOBS = {  # variable that a batch system sets -> its name
    "SLURM_JOB_ID": "slurm job",
    "PBS_JOBID": "pbs job",
    "LSB_JOBID": "lsf job",
    "FLUX_JOB_ID": "flux job",
    "_CONDOR_SLOT": "htcondor slot",
}
_CGROUP_NAMES = {"kubepods": "kubernetes", "libpod": "podman", "docker": "docker", "containerd": "containerd", "lxc": "lxc"}


def host(source: Source) -> Host:
    """Return the host; raises nothing, for what fails stands in `missing`."""
    answers = Answers()
    return Host(
        hostname=platform.node(),
        system=platform.system(),
        kernel=platform.release(),
        distribution=answers("distribution", _distribution, source),
        container=answers("container", _container, source),
        scheduler=answers("scheduler", _scheduler, source),
        libc=answers("libc", _libc),
        missing=answers.missing,
    )


def _distribution(source: Source) -> str:
    found = re.search(r'^PRETTY_NAME="?(.*?)"?$', source.text("/etc/os-release"), re.MULTILINE)
    if not found:
        raise Unread("/etc/os-release has no PRETTY_NAME")
    return found[1]


def _container(source: Source) -> str:
    """Name the container runtime, outermost meaning first: a pod's containers also look like docker's or podman's.

    Raises Unread where nothing points to one.
    """
    if "KUBERNETES_SERVICE_HOST" in source.env or source.exists("/var/run/secrets/kubernetes.io"):
        return "kubernetes"
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & source.env.keys() or source.exists("/.singularity.d"):
        return "apptainer"
    if source.exists("/run/.containerenv"):
        return "podman"
    if source.exists("/.dockerenv"):
        return "docker"
    groups = source.optional("/proc/1/cgroup") or ""
    for part, name in _CGROUP_NAMES.items():
        if part in groups:
            return name
    named = source.env.get("container") or source.optional("/run/systemd/container")
    if not named:
        raise Unread("none: nothing points to one")
    return named


def _scheduler(source: Source) -> str:
    for variable, name in _JOBS.items():
        if source.env.get(variable):
            return f"{name} {source.env[variable]}"
    raise Unread(f"none: no batch system has set {', '.join(_JOBS)}")


def _libc() -> str:
    try:
        found = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError) as error:
        raise Unread("not glibc, and others do not tell") from error
    if not found:
        raise Unread("not glibc, and others do not tell")
    return found
