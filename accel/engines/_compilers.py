"""Which C++ compiler this machine has; known without importing torch, so that a plan can be refused for want of one."""

from __future__ import annotations

import shutil

COMPILERS = ("g++", "clang++", "c++")
NONE_FOUND = f"needs a C++ compiler ({', '.join(COMPILERS)}); none was found"


def has_compiler() -> bool:
    """Whether torch's compiler finds one to compile its kernels with."""
    return any(shutil.which(compiler) for compiler in COMPILERS)
