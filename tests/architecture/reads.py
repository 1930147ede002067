"""Which keys of params.yaml a stage reads, from its source text: every ``knobs.section.key`` it mentions."""

import ast
from pathlib import Path

from wiring import Key, deps, params, stages

HANDED = "train"  # the section that goes on whole, in a Recipe and under its own name
PACE = {("train", "checkpoint_seconds")}  # when things happen, not what comes of it: nothing is stale by it
WHOLE = "params.Params"
RECORD = "tracking."  # MLflow is told all parameters; none of what a stage writes follows from that


def keys_read(stage: str) -> set[Key]:
    """Keys as far as the text follows them, ``*`` is the model, without those of ``PACE``.

    A section handed on counts as read whole, but of ``HANDED`` what any file of the stage reads.
    """
    keys = _keys(Path(f"src/pawtrait/stages/{stage}.py"))
    if (HANDED,) in keys:
        keys = keys - {(HANDED,)} | _handed_keys(stage)
    return keys - PACE


def keys_read_outside() -> set[Key]:
    """Keys that stages outside DVC, commands or flows mention; the file as a whole is no mention."""
    files = [path for path in Path("src/pawtrait/stages").glob("[a-z]*.py") if path.stem not in stages()]
    files += [*Path("src/pawtrait").glob("cli*.py"), *Path("pipelines").glob("*.py")]
    return {key for file in files for key in _keys(file) if key}


def _handed_keys(stage: str) -> set[Key]:
    """Every ``….train.key`` in the files that a stage names, which are all that it imports."""
    trees = [ast.parse(Path(dep).read_text(encoding="utf-8")) for dep in deps(stage) if dep.endswith(".py")]
    keys: set[Key] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Attribute(value=ast.Attribute(attr=section), attr=key) if section == HANDED:
                keys.add((HANDED, key))
    return {key for key in keys if key[1] in params()[HANDED]}


def _keys(file: Path) -> set[Key]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    reader = _Reader(tree)
    reader.visit(tree)
    return reader.keys


class _Reader(ast.NodeVisitor):
    """Follows names that hold the parameters or a section of them."""

    def __init__(self, tree: ast.AST) -> None:
        self.keys: set[Key] = set()
        self.local = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        self.bound: dict[str, Key] = {}
        for node in ast.walk(tree):
            match node:
                case ast.arg(arg=name, annotation=ast.Attribute() as kind) if ast.unparse(kind) == WHOLE:
                    self.bound[name] = ()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                key = self.follow(node.value)
                if key is not None:
                    self.bound[node.targets[0].id] = key

    def follow(self, node: ast.AST) -> Key | None:
        """The key that an expression stands for; None for any other expression."""
        match node:
            case ast.Call() if ast.unparse(node.func) == "params.load":
                return ()
            case ast.Name():
                return self.bound.get(node.id)
            case ast.Attribute(value=inner, attr=name):
                section = self.follow(inner)
                return None if section is None else (*section, name.removesuffix("_"))  # validate_
            case ast.Subscript(value=inner):
                section = self.follow(inner)
                return None if section is None else (*section, "*")
        return None

    def visit(self, node: ast.AST) -> None:
        key = self.follow(node)
        if key is not None:
            if not isinstance(getattr(node, "ctx", None), ast.Store):
                self.keys.add(_known(key))
        elif isinstance(node, ast.Assign) and self.follow(node.value) is not None:
            pass  # a name for a section; what is read of it comes later
        elif isinstance(node, ast.Call) and self._may_know_everything(node):
            for child in (node.func, *node.args, *node.keywords):
                if self.follow(child) != ():
                    self.visit(child)
        else:
            self.generic_visit(node)

    def _may_know_everything(self, call: ast.Call) -> bool:
        """A call of MLflow's record, or of a function of this file, whose own reading is seen."""
        name = ast.unparse(call.func)
        return name.startswith(RECORD) or name in self.local


def _known(key: Key) -> Key:
    """The key up to where params.yaml has it: methods of a value (``files.items``) are no keys."""
    here = params()
    for depth, part in enumerate(key):
        found = here and (next(iter(here.values())) if part == "*" else here.get(part, ...))
        if found is ...:
            return key[:depth]
        if not isinstance(found, dict):
            return key[: depth + 1]
        here = found
    return key
