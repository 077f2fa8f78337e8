"""What ``import sortilege`` costs and offers."""

import json
import subprocess
import sys

import pytest

import sortilege


def fresh(code: str) -> str:
    """What ``code`` prints in an interpreter of its own, warnings being errors."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_numpy_and_array_api_compat_only() -> None:
    code = """
import sys
before = set(sys.modules)
import sortilege
import json
roots = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(root for root in roots - set(sys.stdlib_module_names))))
"""
    assert json.loads(fresh(code)) == ["array_api_compat", "numpy", "sortilege"]


def test_every_name_is_there_and_listed() -> None:
    assert len(sortilege.__all__) == len(set(sortilege.__all__))
    for name in sortilege.__all__:
        assert getattr(sortilege, name) is not None
        assert name in dir(sortilege)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sortilege' has no attribute 'top_p'"):
        _ = sortilege.top_p  # pyright: ignore[reportAttributeAccessIssue]


def test_generate_is_the_function_whatever_was_imported_before() -> None:
    code = """
import importlib, pkgutil
import sortilege
for module in pkgutil.walk_packages(sortilege.__path__, "sortilege."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in sortilege.__all__:
    assert type(getattr(sortilege, name)).__name__ != "module", name
print(sortilege.generate.__name__, sortilege.stream.__name__, sortilege.load.__name__)
"""
    assert fresh(code).split() == ["generate", "stream", "load"]


@pytest.mark.parametrize("name", ["load", "generate", "stream"])
def test_a_missing_framework_names_the_extra(name: str) -> None:
    code = f"""
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import sortilege
try:
    sortilege.{name}("tiny-ar") if "{name}" == "load" else list(sortilege.{name}("tiny-ar", "a", sortilege.TopK(1)))
except ImportError as error:
    print(error)
"""
    assert 'pip install "sortilege[transformers]"' in fresh(code)
