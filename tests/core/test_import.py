"""Importing costs little and does nothing; every old import path is still there."""

import ast
import importlib
import importlib.util
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import diator

PACKAGE = Path(diator.__file__).parent
INNER = ("_core", "_runtime", "aio", "sync", "contrib", "settings")

#: Each module of diator 0.1.2 that is not an adapter to a broker, and the names that it defined or exported.
OLD_NAMES = {
    "diator": "__version__",
    "diator.container": "",
    "diator.container.di": "DIContainer",
    "diator.container.protocol": "Container",
    "diator.container.rodi": "RodiContainer",
    "diator.dispatcher": "DefaultDispatcher Dispatcher DispatchResult",
    "diator.dispatcher.default": "DefaultDispatcher",
    "diator.dispatcher.dispatch_result": "DispatchResult",
    "diator.dispatcher.protocol": "Dispatcher",
    "diator.events": "DomainEvent ECSTEvent Event EventEmitter EventHandler EventMap NotificationEvent",
    "diator.events.event": "DomainEvent ECSTEvent Event NotificationEvent",
    "diator.events.event_emitter": "EventEmitter",
    "diator.events.event_handler": "EventHandler",
    "diator.events.map": "EventMap",
    "diator.mediator": "Mediator",
    "diator.message_brokers": "",
    "diator.message_brokers.protocol": "Message MessageBroker",
    "diator.message_brokers.azure": "AzureMessageBroker",
    "diator.message_brokers.redis": "RedisMessageBroker",
    "diator.middlewares": "Middleware MiddlewareChain",
    "diator.middlewares.base": "Handle HandleType Middleware MiddlewareChain",
    "diator.middlewares.logging": "Logger LoggingMiddleware",
    "diator.requests": "Request RequestHandler RequestMap",
    "diator.requests.map": "RequestHandlerDoesNotExist RequestMap",
    "diator.requests.request": "Request",
    "diator.requests.request_handler": "RequestHandler",
    "diator.response": "Response",
}
#: What its documentation imported, though it was not there.
DOCUMENTED_NAMES = {"diator.requests": "EventMap", "diator.middlewares": "LoggingMiddleware"}

REPORT = """
import json, logging, sys, threading
before = set(sys.modules)
import {module}
levels = [n for n, l in logging.root.manager.loggerDict.items() if getattr(l, "level", 0)] if logging else []
print(json.dumps({{
    "loaded": sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}),
    "threads": threading.active_count(),
    "levels": levels,
    "handlers": len(logging.root.handlers),
}}))
"""


def effects_of_importing(module: str) -> dict[str, list[str]]:
    command = [sys.executable, "-W", "error", "-c", REPORT.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    result: dict[str, list[str]] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    "module", ["diator", "diator.errors", "diator.requests", "diator.response", "diator.events.map"]
)
def test_importing_the_names_loads_neither_an_event_loop_nor_a_third_party_package(module: str) -> None:
    effects = effects_of_importing(module)
    allowed = set(sys.stdlib_module_names) - {"asyncio", "ssl", "socket", "selectors", "multiprocessing", "concurrent"}
    if module == "diator.events.map":  # its package has the emitter for event loops, as it always had
        allowed |= {"anyio", "asyncio", "concurrent", "idna", "msgspec", "selectors", "sniffio", "socket", "ssl"}
        allowed |= {"typing_extensions", "multiprocessing"}
    assert set(effects["loaded"]) - allowed == {"diator"}


@pytest.mark.parametrize("module", ["diator", "diator.mediator", "diator.aio", "diator.sync"])
def test_importing_starts_no_thread_and_leaves_logging_alone(module: str) -> None:
    effects = effects_of_importing(module)
    assert effects["threads"] == 1
    assert effects["levels"] == []
    assert effects["handlers"] == 0
    optional = {"redis", "azure", "trio", "pydantic", "pydantic_settings", "attrs", "django", "rodi", "di", "orjson"}
    assert not optional & set(effects["loaded"])


@pytest.mark.parametrize("module", OLD_NAMES)
def test_old_import_paths_have_their_names(module: str) -> None:
    names = f"{OLD_NAMES[module]} {DOCUMENTED_NAMES.get(module, '')}".split()
    found = importlib.import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []


def public_modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "diator.", onerror=lambda name: None)]
    return sorted(["diator", *(name for name in found if "._" not in name)])


@pytest.mark.parametrize("name", public_modules())
def test_what_a_public_module_lists_exists(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    if listed is None:
        assert hasattr(module, "__path__"), "only a package that holds nothing itself needs no list"
        return
    assert [n for n in listed if not hasattr(module, n)] == []
    assert len(set(listed)) == len(listed)


DOORS = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in (*INNER, "errors.py", "cli.py", "__main__.py")
)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_holds_only_a_docstring_imports_and_names(door: str) -> None:
    tree = ast.parse((PACKAGE / door).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a door says where it leads"
    imported = {alias.asname or alias.name for n in tree.body if isinstance(n, ast.ImportFrom) for alias in n.names}
    for node in tree.body[1:]:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            known = target.id in ("__all__", "__version__")
            assert known or (isinstance(node.value, ast.Name) and node.value.id in imported), "no logic in a door"
        else:
            assert isinstance(node, ast.ImportFrom), f"line {node.lineno}: {type(node).__name__}"
            assert node.level > 0, "doors lead inside only"


def test_every_door_lists_its_names() -> None:
    for door in DOORS:
        tree = ast.parse((PACKAGE / door).read_text(encoding="utf-8"))
        listed = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
        assert len(listed) == 1, door
        assert isinstance(ast.literal_eval(listed[0].value), tuple), door
