"""No name or value of a shop can reach the text of a query: by what fills one in, and by what the code is made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import coldrec
from coldrec.backends.graph.cypher import Label, fill, fill_index
from coldrec.core.errors import GraphError

PACKAGE = Path(coldrec.__file__).parent
FILLING = {"fill", "fill_index"}
RUNNING = {"run", "execute_query"}
WORDS = ("MATCH ", "MERGE ", "UNWIND ", "CREATE ", "DETACH ", "CALL db", "RETURN ", "DROP ", "SHOW ")


def test_labels_are_two_numbers_and_types_come_from_the_list():
    assert fill("MATCH (:$LABEL)-[:$TYPE]->()", Label(3, 2), "HAS_BRAND") == "MATCH (:Coldrec3v2)-[:HAS_BRAND]->()"
    with pytest.raises(GraphError, match="no relationship type"):
        fill("()-[:$TYPE]->()", Label(1, 1), "HAS_BRAND]->() DETACH DELETE n //")
    with pytest.raises(GraphError):
        fill("()-[:$TYPE]->()", Label(1, 1))
    with pytest.raises(ValueError):
        fill("(:$LABEL)", Label("1) DETACH DELETE n //", 1))  # type: ignore[arg-type]
    assert fill_index("DROP INDEX $INDEX", "coldrec1v1_vectors") == "DROP INDEX coldrec1v1_vectors"
    for name in ("coldrec x", "users", "coldrec`", "coldrec\n", ""):
        with pytest.raises(GraphError):
            fill_index("DROP INDEX $INDEX", name)


def speaks_cypher(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lstrip().startswith(WORDS)
        for node in ast.walk(tree)
    )


def problems(source: str) -> Iterator[str]:
    """Where a query's text is put together by other means than the templates' own."""
    tree = ast.parse(source)
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if any(word in text for word in WORDS):
                yield f"{line}: a query is formatted"
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)) and speaks_cypher(node):
            yield f"{line}: a query is put together"
        if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Attribute, ast.Name)):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if name in ("format", "replace", "join", "format_map") and speaks_cypher(node):
            yield f"{line}: a query is put together"
        if name in FILLING and node.args:
            template = node.args[0]
            nested = isinstance(template, ast.Call) and getattr(template.func, "id", "") in FILLING
            if not nested and not isinstance(template, ast.Constant) and getattr(template, "id", "") not in constants:
                yield f"{line}: what is filled in is no constant of the file"
        if name in RUNNING and isinstance(node.func, ast.Attribute) and node.args:
            text = node.args[0]
            if isinstance(text, (ast.JoinedStr, ast.BinOp)):
                yield f"{line}: a query is formatted where it is run"
            if isinstance(text, ast.Call) and getattr(text.func, "id", "") not in FILLING:
                yield f"{line}: a query is made by {ast.unparse(text.func)}"


def sources() -> list[Path]:
    """Every file of the package in which a query stands."""
    found = [
        path for path in sorted(PACKAGE.rglob("*.py")) if "$LABEL" in path.read_text() or "Cypher" in path.read_text()
    ]
    return [path for path in found if path.name != "cypher.py"]


def test_no_query_is_put_together_anywhere():
    assert PACKAGE / "backends/graph/neo4j_writer.py" in sources()
    found = {str(path.relative_to(PACKAGE)): list(problems(path.read_text())) for path in sources()}
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    "source",
    [
        "tx.run(f'MATCH (n:{label}) RETURN n')",
        "tx.run('MATCH (n:' + label + ') RETURN n')",
        "tx.run('MATCH (n:%s) RETURN n' % label)",
        "text = 'MATCH (n:{}) RETURN n'.format(label)",
        "text = f'MATCH (n) WHERE n.title = {title!r} RETURN n'",
        "tx.run(made(title))",
        "Q = 'MATCH (n:$LABEL)'\ntx.run(fill(title, label))",
        "text = 'MATCH (n:X)'.replace('X', title)",
        "tx.run(query + tail)",
    ],
)
def test_the_test_sees_what_it_is_to_see(source):
    assert list(problems(source))


def test_the_test_lets_pass_what_is_right():
    assert not list(problems("Q = 'MATCH (n:$LABEL)'\ntext = fill(Q, label)\ntx.run(text, key=title)\ntx.run(Q)"))
