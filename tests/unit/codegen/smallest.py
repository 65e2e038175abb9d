"""The smallest library, and a process that asks for it."""

from ngtbench.codegen.cache import Built

SOURCE = 'extern "C" int six(void) { return 6; }\n'
SCRIPT = """\
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import find
built = library("six", 'extern "C" int six(void) { return 6; }', find())
assert built.cdll.six() == 6
print(built.compile_s > 0, built.said)
"""


def works(built: Built) -> bool:
    return int(built.cdll.six()) == 6
