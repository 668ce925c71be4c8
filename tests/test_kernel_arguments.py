"""The compiled functions refuse wrong arguments: each argument of each of them."""

import numpy as np
import pytest

from skrnn._core import kernels

if kernels.compiled is None:
    pytest.skip("no kernels: not built, or numpy is used", allow_module_level=True)

DTYPE = np.float32
RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.standard_normal(shape).astype(DTYPE)


def forward():
    """Return valid arguments, and the names of those that are written to."""
    D, H, cell = 2, 3, kernels.cells["lstm_peephole"]
    sizes = np.array([3, 2, 2])
    arguments = {
        "cell": cell.code,
        "z": numbers(D, 4, 4 * H),
        "rows": np.array([[0, 1, 2, 3, 0, 1, 2], [3, 0, 1, 2, 3, 0, 1]]),
        "U": numbers(D, H, 4 * H),
        "w": numbers(D, 3, H),
        "sizes": sizes,
        "h0": numbers(D, 3, H),
        "c0": numbers(D, 3, H),
        "h": numbers(D, 7, H),
        "h_last": numbers(D, 3, H),
        "c_last": numbers(D, 3, H),
        "saved": numbers(D, 7, 5 * H),
        "n_threads": 2,
    }
    return arguments, {"h", "h_last", "c_last", "saved"}


def backward():
    D, H = 2, 3
    arguments = {
        "cell": kernels.cells["lstm_peephole"].code,
        "dh": numbers(D, 7, H),
        "h": numbers(D, 7, H),
        "saved": numbers(D, 7, 5 * H),
        "h0": numbers(D, 3, H),
        "c0": numbers(D, 3, H),
        "U": numbers(D, H, 4 * H),
        "w": numbers(D, 3, H),
        "sizes": np.array([3, 2, 2]),
        "dz": numbers(D, 7, 4 * H),
        "dU": numbers(D, H, 4 * H),
        "dw": numbers(D, 3, H),
        "db": numbers(D, 4 * H),
        "dh_first": numbers(D, 3, H),
        "dc_first": numbers(D, 3, H),
        "to_first": True,
        "n_threads": 2,
    }
    return arguments, {"dz", "dU", "dw", "db", "dh_first", "dc_first"}


def matmul():
    arguments = {
        "a": numbers(3, 4),
        "b": numbers(4, 5),
        "c": numbers(3, 5),
        "add": False,
        "bias": numbers(5),
        "n_threads": 2,
    }
    return arguments, {"c"}


def softmax_loss():
    arguments = {
        "scores": numbers(4, 3),
        "y": np.array([0, 2, -1, 1]),
        "weights": np.array([1, 1, 0, 2], dtype=DTYPE),
        "losses": numbers(4),
        "n_threads": 2,
    }
    return arguments, {"scores", "losses"}


def ctc_loss():
    arguments = {
        "scores": numbers(7, 4),
        "y": np.array([0, 1, 3, 2, 3, 3]),
        "offsets": np.array([0, 3, 5, 6]),
        "weights": np.ones(3),
        "lengths": np.array([3, 3, 1]),
        "sizes": np.array([3, 2, 2]),
        "losses": np.empty(3),
        "n_threads": 2,
    }
    return arguments, {"scores", "losses"}


def attend():
    arguments = {
        "q": numbers(5, 3),
        "keys": numbers(7, 3),
        "memory": numbers(7, 2),
        "v": numbers(3),
        "queries": np.array([0, 2, 5]),
        "starts": np.array([3, 0]),
        "lengths": np.array([4, 3]),
        "offsets": np.array([0, 8, 17]),
        "context": numbers(5, 2),
        "weights": numbers(17),
        "n_threads": 2,
    }
    return arguments, {"context", "weights"}


def attend_backward():
    arguments, _ = attend()
    del arguments["context"]
    arguments |= {
        "dcontext": numbers(5, 2),
        "dq": numbers(5, 3),
        "dkeys": numbers(7, 3),
        "dmemory": numbers(7, 2),
        "dv": numbers(2, 3),
    }
    return arguments, {"dq", "dkeys", "dmemory", "dv"}


def adam():
    arguments = {
        "p": numbers(2, 5, 3),
        "rows": np.array([0, 4]),
        "g": numbers(2, 2, 3),
        "mean": numbers(2, 5, 3),
        "square": np.abs(numbers(2, 5, 3)),
        "scale": 1.0,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "rate": 0.1,
        "epsilon": 1e-8,
    }
    return arguments, {"p", "mean", "square"}


def sgd():
    arguments, _ = adam()
    for name in ("mean", "square", "beta_1", "beta_2", "epsilon"):
        del arguments[name]
    arguments |= {"velocity": numbers(2, 5, 3), "momentum": 0.9, "nesterov": True}
    return arguments, {"p", "velocity"}


def add_rows():
    arguments = {
        "index": np.array([0, 2, 2, 1]),
        "values": numbers(4, 5),
        "to": numbers(3, 5),
        "n_threads": 2,
    }
    return arguments, {"to"}


MAKERS = {
    make.__name__: make
    for make in (
        forward,
        backward,
        matmul,
        softmax_loss,
        ctc_loss,
        attend,
        attend_backward,
        adam,
        sgd,
        add_rows,
    )
}
# Arguments that may be None, and those of which an axis may be larger: more rows or
# classes than are used.
OPTIONAL = {
    "forward": {"rows", "h0", "c0", "saved"},
    "backward": {"h0", "c0", "db"},
    "matmul": {"bias"},
    "ctc_loss": {"weights"},
    "attend": {"v"},
    "sgd": {"velocity"},
}
GROWS = {
    ("forward", "z", 1),
    ("softmax_loss", "scores", 1),
    ("ctc_loss", "scores", 1),
    ("add_rows", "to", 0),
}
ARRAYS = [
    (function, name)
    for function, make in MAKERS.items()
    for name, value in make()[0].items()
    if isinstance(value, np.ndarray)
]


def call(function, **changes):
    arguments, _ = MAKERS[function]()
    getattr(kernels.compiled, function)(**(arguments | changes))


def assert_refused(function, **changes):
    with pytest.raises(ValueError, match=r" must | is written to| but "):
        call(function, **changes)


@pytest.mark.parametrize("function", MAKERS)
def test_right_arguments_are_taken(function):
    call(function)
    for name in OPTIONAL.get(function, ()):
        if name != "rows":  # of z there is one for each step then
            call(function, **{name: None})
    if function == "forward":
        call(function, rows=None, z=numbers(2, 7, 12))


def test_all_functions_are_tested():
    others = {"isa", "supported", "use", "cells"}
    public = {name for name in vars(kernels.compiled) if not name.startswith("_")}
    assert public - others == MAKERS.keys()


@pytest.mark.parametrize(("function", "name"), ARRAYS)
def test_shape(function, name):
    value = MAKERS[function]()[0][name]
    assert_refused(function, **{name: np.array(value.flat[0])})  # no axis
    assert_refused(function, **{name: value[None]})
    assert_refused(function, **{name: np.zeros_like(value[:0])})
    for axis in range(value.ndim):
        shorter = np.take(value, range(value.shape[axis] - 1), axis=axis)
        assert_refused(function, **{name: np.ascontiguousarray(shorter)})
        longer = np.concatenate([value, shorter], axis=axis)
        if (function, name, axis) in GROWS:
            call(function, **{name: longer})
        else:
            assert_refused(function, **{name: longer})


@pytest.mark.parametrize(("function", "name"), ARRAYS)
def test_none_and_other_types(function, name):
    arguments, written = MAKERS[function]()
    value = arguments[name]
    if name not in OPTIONAL.get(function, ()):
        with pytest.raises((TypeError, ValueError)):
            call(function, **{name: None})
    with pytest.raises(TypeError):
        call(function, **{name: "text"})
    if name in written:
        with pytest.raises(TypeError):
            call(function, **{name: value.astype(np.float16)})
        frozen = value.copy()
        frozen.flags.writeable = False
        with pytest.raises(TypeError):
            call(function, **{name: frozen})


@pytest.mark.parametrize(
    ("function", "name"),
    [(f, n) for f, make in MAKERS.items() for n in sorted(make()[1])],
)
def test_outputs_are_contiguous(function, name):
    value = MAKERS[function]()[0][name]
    spread = np.repeat(value, 2, axis=-1)[..., ::2]
    assert spread.shape == value.shape
    assert_refused(function, **{name: spread})


@pytest.mark.parametrize(
    "function", [f for f, make in MAKERS.items() if "n_threads" in make()[0]]
)
@pytest.mark.parametrize("n_threads", [0, -1, -(2**31)])
def test_n_threads(function, n_threads):
    with pytest.raises(ValueError, match=f"n_threads is {n_threads}"):
        call(function, n_threads=n_threads)


def changed(array, at, value):
    array = array.copy()
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("function", "name", "at", "value"),
    [
        *(("forward", "rows", (1, 2), value) for value in (-1, 4, 2**62, -(2**63))),
        *(("softmax_loss", "y", 3, value) for value in (3, 2**62)),
        *(("ctc_loss", "y", 4, value) for value in (-1, 4, 2**62)),
        *(("ctc_loss", "offsets", 1, value) for value in (-1, 0, 5, 7, 2**62)),
        ("ctc_loss", "offsets", 0, 1),
        ("ctc_loss", "offsets", 3, 7),
        *(("ctc_loss", "lengths", 2, value) for value in (0, 2, -1, 2**62)),
        *(("attend", "queries", 1, value) for value in (-1, 6, 1, 2**62)),
        *(("attend", "queries", i, value) for i, value in ((0, 1), (2, 4), (2, 6))),
        *(("attend", "starts", 0, value) for value in (-1, 4, 8, 2**62)),
        *(("attend", "lengths", 1, value) for value in (-1, 2, 8, 2**62)),
        *(("attend", "offsets", 1, value) for value in (-1, 7, 9, 18, 2**62)),
        *(("attend", "offsets", i, value) for i, value in ((0, 1), (2, 16), (2, 18))),
        *(("adam", "rows", 1, value) for value in (-1, 5, 2**62)),
        *(("sgd", "rows", 1, value) for value in (-1, 5, 2**62)),
        *(("add_rows", "index", 1, value) for value in (-1, 3, 2**62)),
    ],
)
def test_range(function, name, at, value):
    functions = [function] + (["attend_backward"] if function == "attend" else [])
    for each in functions:
        array = MAKERS[each]()[0][name]
        assert_refused(each, **{name: changed(array, at, value)})


@pytest.mark.parametrize("function", ["forward", "backward", "ctc_loss"])
@pytest.mark.parametrize(
    "sizes",
    [
        [3, 2, 1],
        [3, 2, 3],
        [2, 3, 2],
        [3, 4, 0],
        [8, -1],
        [7, 0],
        [2**62, 2**62],
        [3, 2**63 - 1, 2],
        [],
    ],
)
def test_sizes(function, sizes):
    sizes = np.array(sizes, dtype=np.int64)
    with pytest.raises(ValueError, match="sizes"):
        call(function, sizes=sizes)


@pytest.mark.parametrize("function", ["forward", "backward"])
def test_cell(function):
    for code in (-1, len(kernels.cells), 2**31 - 1):
        with pytest.raises(ValueError, match=f"cell is {code}, but must be"):
            call(function, cell=code)


def test_memory_is_only_of_cells_that_have_one():
    for name in ("c_last", "saved"):
        function = "forward" if name == "c_last" else "backward"
        with pytest.raises(ValueError, match=f"{name} is None, but this cell needs it"):
            call(function, **{name: None})
    with pytest.raises(ValueError, match="dc_first is None, but this cell needs it"):
        call("backward", dc_first=None)
    rnn = {"cell": kernels.cells["rnn_tanh"].code, "w": numbers(2, 0, 3)}
    rnn |= {"U": numbers(2, 3, 3), "z": numbers(2, 4, 3), "saved": None}
    good = rnn | {"c0": None, "c_last": None}
    call("forward", **good)
    for name in ("c0", "c_last"):
        with pytest.raises(ValueError, match=f"{name} must be None for this cell"):
            call("forward", **good | {name: numbers(2, 3, 3)})


def test_bias_is_not_added_to_a_sum():
    with pytest.raises(ValueError, match="bias must be None where add is true"):
        call("matmul", add=True)
    call("matmul", add=True, bias=None)


def test_rows_of_a_result_do_not_overlap():
    memory = np.zeros(20, dtype=DTYPE)
    overlapping = np.lib.stride_tricks.as_strided(memory, (3, 5), (8, 4))
    assert_refused("matmul", c=overlapping)
    upside_down = memory[:15].reshape(3, 5)[::-1]
    assert_refused("matmul", c=upside_down)


def test_a_memory_row_has_one_group_in_the_backward_pass():
    starts = np.array([2, 0])
    call("attend", starts=starts)
    with pytest.raises(ValueError, match="another group attends to row 2"):
        call("attend_backward", starts=starts)


def test_dv_goes_with_v():
    call("attend_backward", v=None, dv=None)
    for changes in ({"v": None}, {"dv": None}):
        with pytest.raises(ValueError, match="dv must be None where v is"):
            call("attend_backward", **changes)


def test_all_rows_have_gradients():
    for function in ("adam", "sgd"):
        call(function, rows=None, g=numbers(2, 5, 3))
        with pytest.raises(ValueError, match="g has shape"):
            call(function, rows=None)
        names = {"p", "mean", "square", "velocity"} & MAKERS[function]()[0].keys()
        with pytest.raises(ValueError, match="2 dimensions for rows"):
            call(function, **{name: numbers(5) for name in names})


def test_instruction_set():
    before = kernels.compiled.isa()
    with pytest.raises(ValueError, match="name is 'mmx', but"):
        kernels.compiled.use("mmx")
    assert kernels.compiled.isa() == before


def test_messages_name_the_argument():
    with pytest.raises(ValueError, match=r"^U has shape \(2, 3, 9\), but must have "):
        call("forward", U=numbers(2, 3, 9))
    with pytest.raises(
        ValueError, match=r"^rows\[9\] is 4, but must be at least 0 and"
    ):
        call("forward", rows=changed(MAKERS["forward"]()[0]["rows"], (1, 2), 4))
    with pytest.raises(ValueError, match=r"^y has shape \(5,\), but must have shape"):
        call("softmax_loss", y=np.zeros(5, dtype=np.int64))
