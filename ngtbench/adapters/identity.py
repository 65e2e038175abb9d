"""What stays the same about a machine from day to day, in the words asv and pytest-benchmark keep beside results."""

from ngtbench.model.machine import Machine


def asv_entry(machine: Machine) -> dict[str, str]:
    """Return the machine's entry in asv's machine file: asv's own six fields, then the GPUs.

    asv draws a line per distinct value, so nothing volatile is here: no kernel release, driver, clock or temperature.
    """
    cpu = machine.cpu
    return {
        "machine": machine.host.hostname,  # the name asv looks for by itself
        "os": machine.host.system,
        "arch": cpu.arch,
        "cpu": cpu.name or "unknown",
        "num_cpu": str(cpu.threads),
        "ram": str(cpu.memory_b or "unknown"),
        **_gpus(machine),
    }


def machine_info(machine: Machine) -> dict[str, str]:
    """Return what must be equal for two runs of pytest-benchmark to be of one machine."""
    cpu = machine.cpu
    return {
        "host": machine.host.hostname,
        "cpu": cpu.name or "unknown",
        "usable_threads": str(cpu.usable_threads),
        **_gpus(machine),
        "gpu_uuids": _joined([gpu.uuid or "unknown" for gpu in machine.gpus]),
    }


def _gpus(machine: Machine) -> dict[str, str]:
    caps = [f"{gpu.power_limit_w:g}" if gpu.power_limit_w is not None else "unknown" for gpu in machine.gpus]
    return {
        "gpu": _joined([gpu.name or "unknown" for gpu in machine.gpus]),
        "gpu_count": str(len(machine.gpus)),
        "gpu_power_limit_w": _joined(caps),
        "gpu_mig": _joined([gpu.mig or "unknown" for gpu in machine.gpus]),
    }


def _joined(words: list[str]) -> str:
    """Write each distinct word once, in order; "none" where there is no GPU."""
    return ", ".join(dict.fromkeys(words)) or "none"
