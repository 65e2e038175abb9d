"""The public contraction: of NumPy arrays by our own kernel where it can be compiled, of others by the library they are of."""

import importlib
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.engine import threads
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.tensors import contract_memory, contract_native, contract_numpy, contract_path
from ngtbench.kernels.tensors.contract_network import Labels, Plain, plain, reduced
from ngtbench.kernels.tensors.contract_plan import plan
from ngtbench.model.workload import Array
from ngtbench.physics.tensors.trees import Tree, check

DTYPES = ("float32", "float64", "complex64", "complex128")
_SMALL_B = 1 << 26  # memory that is taken without asking how much is free
_FEW = 1 << 26  # multiply-adds
_WIDE = {"float32": "float64", "complex64": "complex128"}
_LIBRARIES = {"torch": "contract_torch", "cupy": "contract_cupy"}


def contract(
    arrays: Sequence[Any],
    inputs: Sequence[Iterable[Hashable]],
    output: Iterable[Hashable] = (),
    *,
    tree: Any = None,
    limit_b: int | None = None,
) -> Any:
    """Contract a tensor network: the sum over all indices that are not in `output` of the product of all arrays.

    `inputs` names the indices of each array, `output` those of the result, as np.einsum does: an index may be in any number of
    arrays, one that is in an array twice means its diagonal. Arrays are all NumPy's, PyTorch's (on one device) or CuPy's, of
    float32, float64, complex64 or complex128; so is the result, of the widest of them. `tree` is a path of pairs in SSA
    numbers, a `physics.tensors.trees.Tree`, which may also name sliced indices, or cotengra's ContractionTree; without one a
    greedy search finds one, once for a network. Memory beyond the arrays stays within `limit_b`, by default most of what is
    free; where it would not, more indices are sliced. Raises BadInput for what does not fit together, or no memory.
    """
    arrays, (*labels_of, wanted) = list(arrays), _labels([*inputs, output])
    labels = tuple(labels_of)
    numbers, kind = _same(arrays)
    made = plain(tuple(tuple(array.shape) for array in numbers), labels, wanted)
    if 0 in made.network.sizes:
        return _engine(kind).zeros(made.shape, numbers[0])
    path = _path(made, tree, labels)
    plains = [
        reduced(array, how).reshape([made.network.sizes[index] for index in own])
        for array, how, own in zip(numbers, made.reductions, made.network.inputs, strict=True)
    ]
    changed = any(made.reductions) or any(one is not array for one, array in zip(numbers, arrays, strict=True))
    own_b = _own_b(arrays, plains) if kind == "numpy" and changed else 0
    return _contracted(made, path, plains, own_b, kind, limit_b).reshape(made.shape)


def contract_memory_b(
    shapes: Sequence[Sequence[int]],
    inputs: Sequence[Iterable[Hashable]],
    output: Iterable[Hashable] = (),
    *,
    dtype: str,
    tree: Any = None,
    limit_b: int | None = None,
) -> int:
    """Return the bytes that `contract` takes beyond NumPy arrays of these shapes, in C order, sliced to stay within the limit."""
    if dtype not in DTYPES:
        raise BadInput(f"contract_memory_b: dtype {dtype}: give {', '.join(DTYPES)}")
    labels = tuple(tuple(own) for own in inputs)
    made = plain(tuple(tuple(shape) for shape in shapes), labels, tuple(output))
    if 0 in made.network.sizes:
        return 0
    path, fused = _path(made, tree, labels), _compiled(made, dtype)
    wide = _done_in(made, path, dtype, limit_b) if fused else dtype
    item_b, copies_b = np.dtype(wide).itemsize, 0
    for own, how in zip(made.network.inputs, made.reductions, strict=True):
        size = math.prod(made.network.sizes[index] for index in own)
        copies_b += size * np.dtype(dtype).itemsize if any(len(axes) == 1 for axes in how) else 0
        copies_b += size * item_b if wide != dtype or (how and len(how[-1]) == 2) else 0
    limit = contract_memory.host_b() if limit_b is None else limit_b
    path = contract_memory.fitted(made.network, path, item_b, fused, limit, copies_b)
    return copies_b + contract_memory.memory_b(plan(made.network, path, item_b, fused), item_b)


def _own_b(arrays: Sequence[Any], plains: Sequence[Array]) -> int:
    """Return the bytes of plain arrays that do not lie in those given: of other dtypes, or summed."""
    return sum(one.nbytes for one, array in zip(plains, arrays, strict=True) if not np.may_share_memory(one, array))


def _contracted(made: Plain, path: Tree, arrays: list[Any], own_b: int, kind: str, limit_b: int | None) -> Any:
    given = str(arrays[0].dtype).removeprefix("torch.")
    fused = kind == "numpy" and _compiled(made, given)
    dtype = _done_in(made, path, given, limit_b) if fused else given
    item_b = np.dtype(dtype).itemsize
    if kind == "numpy":
        own = np.dtype(dtype)
        other = [array for array in arrays if array.dtype != own or not array.flags.c_contiguous]
        copies_b = own_b + item_b * sum(array.size for array in other)
    else:
        copies_b = 0
    needed_b = copies_b + contract_memory.memory_b(plan(made.network, path, item_b, fused), item_b)
    if limit_b is not None or needed_b > _SMALL_B:
        limit = own_b + _engine(kind).free_b(arrays[0]) if limit_b is None else limit_b
        path = contract_memory.fitted(made.network, path, item_b, fused, limit, copies_b)
    kept = [np.asarray(array, dtype, order="C") for array in arrays] if kind == "numpy" else arrays
    if not fused:
        return _engine(kind).contracted(plan(made.network, path, item_b, False), kept)
    program = contract_native.program(made.network, path, dtype)
    value = contract_native.bound(program, kept, threads(), contract_native.memory(program.plan.arena, dtype))()
    return value.astype(given, copy=False)


def _labels(given: Sequence[Iterable[Hashable]]) -> list[Labels]:
    """Return the indices of each array, and of the output, as tuples."""
    try:
        found = [tuple(own) for own in given]
        hash(tuple(found))
    except TypeError as error:
        raise BadInput(f"contract: indices: {error}: give a tuple of hashable labels for each array") from error
    return found


def _array(place: int, given: Any) -> Array:
    try:
        return np.asarray(given)
    except ValueError as error:
        raise BadInput(f"contract: array {place}: {error}") from error


def _same(arrays: Sequence[Any]) -> tuple[list[Any], str]:
    """Return arrays of one dtype, and whose they are."""
    kinds = {type(array).__module__.partition(".")[0] for array in arrays}
    kind = next(iter(kinds)) if len(kinds) == 1 and kinds <= _LIBRARIES.keys() else "numpy"
    if kind == "numpy":
        if kinds & _LIBRARIES.keys():
            raise BadInput(f"contract: arrays are of {', '.join(sorted(kinds))}: give all to one library")
        arrays = [_array(place, array) for place, array in enumerate(arrays)]
    found = {array.dtype: place for place, array in enumerate(arrays)}
    for dtype, place in found.items():
        if str(dtype).removeprefix("torch.") not in DTYPES:
            raise BadInput(f"contract: array {place} has dtype {dtype}: give {', '.join(DTYPES)}")
    if len(found) > 1:
        arrays = _engine(kind).widened(arrays)
    return list(arrays), kind


def _engine(kind: str) -> Any:
    return importlib.import_module(f"ngtbench.kernels.tensors.{_LIBRARIES[kind]}") if kind in _LIBRARIES else contract_numpy


def _done_in(made: Plain, path: Tree, dtype: str, limit_b: int | None) -> str:
    """Return the dtype to contract in: a few milliseconds are no reason to let single precision's rounding add up.

    A limit that copies in double would take half of is one.
    """
    wide = _WIDE.get(dtype, dtype)
    if limit_b is not None:
        sizes = made.network.sizes
        numbers = sum(math.prod(sizes[index] for index in own) for own in made.network.inputs)
        wide = dtype if 2 * numbers * np.dtype(wide).itemsize > limit_b else wide
    return wide if plan(made.network, path, np.dtype(wide).itemsize, True).mult_adds <= _FEW else dtype


def _compiled(made: Plain, dtype: str) -> bool:
    """Tell whether there is a compiler here that takes our kernel."""
    try:
        contract_native.kernel(dtype)
    except Unavailable:
        return False
    return len(made.network.sizes) > 0


def _path(made: Plain, tree: Any, labels: tuple[Labels, ...]) -> Tree:
    """Return a tree of the plain network's numbers."""
    if tree is None:
        return contract_path.found(made.network)
    if not isinstance(tree, Tree):
        tree = _read(tree)
    check(tree, labels)
    number = {label: index for index, label in enumerate(made.labels)}
    return Tree(tree.pairs, tuple(number[label] for label in tree.sliced if label in number))


def _read(tree: Any) -> Tree:
    """Return the tree that a path, a mapping as in the package's files, or cotengra's object is."""
    ssa: Callable[[], Iterable[Iterable[int]]] | None = getattr(tree, "get_ssa_path", None)
    sliced: Iterable[Hashable] = getattr(tree, "sliced_inds", ())
    path: Any = ssa() if callable(ssa) else tree
    if isinstance(tree, Mapping):
        path, sliced = tree.get("ssa"), tree.get("sliced", ())
    try:
        return Tree(tuple((int(a), int(b)) for a, b in path), tuple(sliced))
    except (TypeError, ValueError) as error:
        raise BadInput(f"contract: tree: {type(tree).__name__} is no path: give pairs of SSA numbers") from error
