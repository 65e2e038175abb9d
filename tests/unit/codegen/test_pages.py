"""Memory on huge pages: where arrays begin, how long they live, what is said of them."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from ngtbench.codegen import pages
from ngtbench.codegen.pages import HUGE_B, LINE_B, empty, huge_b

BIG = (1 << 17) + 3  # float64 numbers: more than 1 MB


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int32"])
@pytest.mark.parametrize("offset_b", [0, 64, 4096 + 128])
def test_arrays_begin_where_they_are_asked_to(dtype: str, offset_b: int) -> None:
    for shape, boundary in (((BIG, 2), HUGE_B), ((3, 5), LINE_B)):
        array = empty(shape, dtype, offset_b)
        assert array.shape == shape and array.dtype == dtype
        assert (array.ctypes.data - offset_b) % boundary == 0
        assert type(array) is np.ndarray and array.flags.c_contiguous and array.flags.writeable
        array.fill(1)
        assert array.sum() == array.size


def test_memory_that_begins_anywhere_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pages._mapped
    monkeypatch.setattr(pages, "_mapped", lambda size_b: real(size_b + HUGE_B)[12288:])
    array = empty(BIG, "float64", 64)
    assert array.ctypes.data % HUGE_B == 64
    array.fill(1)


def test_an_array_of_nothing_has_its_shape() -> None:
    assert empty((0, 5), "float64", 64).shape == (0, 5)
    assert empty(0, "float64").size == 0


def test_mapped_memory_is_fresh() -> None:
    empty(BIG, "float64").fill(7)
    assert not empty(BIG, "float64").any()


def test_an_offset_is_of_whole_numbers() -> None:
    for offset_b in (4, -64):
        with pytest.raises(ValueError, match="no whole number of float64"):
            empty(BIG, "float64", offset_b)


def test_memory_that_there_is_not_is_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        empty(1 << 58, "float64")


def mapped_b() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize:"))
    return 1024 * int(line.split()[1])


def test_memory_goes_with_the_last_view_of_it() -> None:
    before_b = mapped_b()
    array = empty(1 << 27, "float64")
    part = array[5:7]
    part[:] = 3
    del array
    assert mapped_b() - before_b >= 1 << 30
    assert part.tolist() == [3, 3]
    del part
    assert mapped_b() - before_b < 1 << 29


def test_a_system_without_huge_pages_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", 10**6, raising=False)  # unknown to any kernel
    assert not empty(BIG, "float64").any()
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE")
    assert not empty(BIG, "float64").any()


def test_huge_pages_are_counted_where_the_array_lies(tmp_path: Path) -> None:
    array = empty(4 * HUGE_B, "uint8")
    start, end = array.ctypes.data, array.ctypes.data + array.nbytes
    file = tmp_path / "smaps"

    def mapping(first: int, last: int, huge_kb: int) -> str:
        size = f"Size:  {(last - first) // 1024} kB\nRss:   8 kB\n"
        return f"{first:x}-{last:x} rw-p 00000000 00:00 0 \n{size}AnonHugePages:  {huge_kb} kB\nVmFlags: rd wr\n"

    middle = start + HUGE_B
    file.write_text(
        mapping(0x1000, start, 4096) + mapping(start, middle, 2048) + mapping(middle, end, 4096) + mapping(end, end + 4096, 4)
    )
    assert huge_b(array, file) == 3 * HUGE_B
    file.write_text(mapping(start - HUGE_B, end, 1 << 20))
    assert huge_b(array, file) == array.nbytes  # the neighbour's are not ours
    file.write_text(mapping(start, end, 0))
    assert huge_b(array, file) == 0
    file.write_text(mapping(start, end, 0).replace("AnonHugePages", "Other"))
    assert huge_b(array, file) is None
    file.write_text(mapping(0x1000, 0x2000, 4))
    assert huge_b(array, file) is None
    assert huge_b(array, tmp_path / "none") is None


def test_this_kernel_counts_no_more_than_there_is() -> None:
    array = empty(8 * HUGE_B, "uint8")
    array.fill(1)
    found = huge_b(array)
    assert found is None or 0 <= found <= array.nbytes
