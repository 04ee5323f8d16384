"""The SQL files of the embedded store, which every engine runs as they are."""

from collections.abc import Iterator
from pathlib import Path

# In a checkout the files lie beside the application; `--queries` names them elsewhere.
QUERIES = Path(__file__).resolve().parents[2] / "queries"
# The tables of the store and the views over them; the rest follows from these.
DEFINITIONS = ("store.sql", "inventory.sql", "governance.sql")


def statements(text: str) -> Iterator[str]:
    """Cuts a file at its semicolons: Spark takes one statement at a time.

    A semicolon in a text or in a comment ends nothing. The dialect has neither block comments
    nor backslashes, which the test of the dialect sees to.
    """
    gathered: list[str] = []
    in_text = False
    for line in text.splitlines(keepends=True):
        begun = 0
        for place, character in enumerate(line):
            if character == "'":
                in_text = not in_text
            elif in_text:
                continue
            elif line.startswith("--", place):
                line = line[:place] + "\n"
                break
            elif character == ";":
                gathered.append(line[begun:place])
                if statement := "".join(gathered).strip():
                    yield statement
                gathered, begun = [], place + 1
        gathered.append(line[begun:])
    if statement := "".join(gathered).strip():
        yield statement


def definitions(queries: Path) -> Iterator[str]:
    """The statements that make the store's tables and the views over them."""
    for name in DEFINITIONS:
        yield from statements((queries / name).read_text(encoding="utf-8"))


def correlation(queries: Path) -> Iterator[tuple[str, str]]:
    """The statements that join, in their order, each with the name of its file."""
    for path in sorted((queries / "correlate").glob("*.sql")):
        for statement in statements(path.read_text(encoding="utf-8")):
            yield path.stem, statement


def created(statement: str) -> tuple[str, str] | None:
    """What a statement makes: `TABLE` or `VIEW`, and its name."""
    words = statement.replace("(", " ").split()
    if len(words) < 3 or words[0].upper() != "CREATE":
        return None
    kind = words[1].upper()
    name = words[5] if [word.upper() for word in words[2:5]] == ["IF", "NOT", "EXISTS"] else words[2]
    return kind, name
