"""Python files of a user: claims and modules that are not in the repository."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """The module of a file. It is not left in ``sys.modules``, so that its functions travel to other processes by value."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module, before = importlib.util.module_from_spec(spec), sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses look themselves up while they are defined
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
        if before is not None:  # a library of the same name
            sys.modules[path.stem] = before
    return module
