"""A float32 vector for Numba kernels: load, store, arithmetic, 2**x, sum of lanes.

Plain loops over channels do almost as well once `math.exp`, which LLVM cannot vectorise, is
replaced by the same polynomial: on AVX2 they took 1.1 times as long forward and 1.15 to 1.6 times
backward (256 to 64 channels), for the test before each inner loop that its arrays do not overlap.
Here the vector type is named, and LLVM maps it onto AVX2, AVX-512, NEON, ...
"""

# Numba itself passes an intrinsic its first argument, the typing context,
# and sets the values of its configuration by name.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false

import operator

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model


def _has_512_bits() -> bool:
    """Whether Numba compiles for AVX-512, as its cache of compiled code tells apart too."""
    if config.CPU_FEATURES is not None:
        return "+avx512f" in config.CPU_FEATURES
    return bool(get_host_cpu_features().get("avx512f", False))


WIDE = _has_512_bits()  # a vector is one register, of 32
LANES = 16  # one AVX-512 register, or two of AVX2: a pair hides the latency of exp2

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)


class Vector(types.Type):
    """Numba type of LANES float32 numbers."""

    def __init__(self):
        super().__init__(name=f"float32x{LANES}")


vector = Vector()


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """Stored as LLVM's vector type."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _FLOATS)


def _pointer(context, builder, array_type, array, index):
    struct = context.make_array(array_type)(context, builder, array)
    indices = cgutils.unpack_tuple(builder, index)
    element = cgutils.get_item_pointer(context, builder, array_type, struct, indices)
    return builder.bitcast(element, _FLOATS.as_pointer())


@intrinsic
def load(typingctx, array, index):
    """LANES numbers of a float32 array, starting at `index` (a tuple)."""

    def codegen(context, builder, signature, args):
        return builder.load(_pointer(context, builder, array, *args), align=4)

    return vector(array, index), codegen


@intrinsic
def store(typingctx, array, index, value):
    """Write LANES numbers into a float32 array, starting at `index` (a tuple)."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, array, *args[:2]), align=4)

    return types.void(array, index, value), codegen


@intrinsic
def splat(typingctx, number):
    """A vector with the same number in every lane."""

    def codegen(context, builder, signature, args):
        return _splat(builder, args[0])

    return vector(types.float32), codegen


@intrinsic
def splat_at(typingctx, array, index):
    """A vector with the number at `index` (a tuple) of a float32 array in every lane."""

    def codegen(context, builder, signature, args):
        pointer = builder.bitcast(
            _pointer(context, builder, array, *args), ir.FloatType().as_pointer()
        )
        return _splat(builder, builder.load(pointer, align=4))

    return vector(array, index), codegen


def _splat(builder, number, vector_type=_FLOATS):
    first = builder.insert_element(
        ir.Constant(vector_type, ir.Undefined), number, ir.IntType(32)(0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(vector_type, ir.Undefined), mask)


@intrinsic
def fma(typingctx, a, b, c):
    """A * b + c."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
        name = f"llvm.fmuladd.v{LANES}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

    return vector(vector, vector, vector), codegen


@intrinsic
def lane_sum(typingctx, value):
    """Sum of the lanes, pairwise."""

    def codegen(context, builder, signature, args):
        width, current = LANES, args[0]
        while width > 1:
            width //= 2
            low = ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(width)))
            high = ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(width, 2 * width)))
            halves = (builder.shuffle_vector(current, current, half) for half in (low, high))
            current = builder.fadd(*halves)
        return builder.extract_element(current, ir.IntType(32)(0))

    return types.float32(vector), codegen


def _constant(number):
    return ir.Constant(_FLOATS, [ir.Constant(ir.FloatType(), number)] * LANES)


# 2**f = 1 + f q(f) on [-1/2, 1/2]: the q of least relative error, so exp2(0) is exactly 1 and
# slow decays are not biased (4e-7 of the rate).
_EXP2 = (
    0.6931471435060130,
    0.2402235134316216,
    0.0555050021403292,
    0.0096662454239774,
    0.0013333538485829,
)
_ROUND = 1.5 * 2.0**23  # adding it rounds to an integer, which lands in the low mantissa bits


@intrinsic
def exp2(typingctx, z):
    """2**z with relative error 2e-7; 0 below -127, infinite above 128."""

    def codegen(context, builder, signature, args):
        multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), f"llvm.fmuladd.v{LANES}f32"
        )
        (number,) = args
        for sign, bound in (("<", _constant(-127.0)), (">", _constant(128.0))):
            beyond = builder.fcmp_ordered(sign, number, bound)  # false for not-a-number
            number = builder.select(beyond, bound, number)
        shifted = builder.fadd(number, _constant(_ROUND))
        f = builder.fsub(number, builder.fsub(shifted, _constant(_ROUND)))
        power = _constant(_EXP2[-1])
        for coefficient in (*reversed(_EXP2[:-1]), 1.0):
            power = builder.call(multiply_add, [power, f, _constant(coefficient)])
        exponent = builder.shl(builder.bitcast(shifted, _INTS), ir.Constant(_INTS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(power, _INTS), exponent), _FLOATS)

    return vector(vector), codegen


def _binary(operation, build):
    @intrinsic
    def apply(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return getattr(builder, build)(*args)

        return vector(vector, vector), codegen

    @overload(operation)
    def operate(a, b):
        return (lambda a, b: apply(a, b)) if a is vector and b is vector else None


_binary(operator.add, "fadd")
_binary(operator.mul, "fmul")
