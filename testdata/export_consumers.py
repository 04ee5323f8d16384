"""Reads exports of a fleet with programs that others use to read such files.

Usage: export_consumers.py GRAPHML BLOODHOUND NODES_CSV RELATIONSHIPS_CSV
Prints what was read, one JSON object. GraphML is read by networkx, the BloodHound file by
bhopengraph, CSV by Python's own module, strictly.
Exit codes: 0 all was read; 1 something was not; 77 one of the modules is not installed.
"""

import csv
import json
import sys

try:
    import networkx
    from bhopengraph.OpenGraph import OpenGraph
except ImportError as error:
    print(error)
    sys.exit(77)

graphml, bloodhound, nodes, relationships = sys.argv[1:]
graph = networkx.read_graphml(graphml)

opened = OpenGraph(source_kind="Snapsift")
opened.import_from_file(bloodhound)
_, errors = opened.validate_graph()


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


node_rows, edge_rows = table(nodes), table(relationships)
ids = {row["id:ID"] for row in node_rows}
assert len(ids) == len(node_rows), "an id twice"
for row in edge_rows:
    assert row[":START_ID"] in ids and row[":END_ID"] in ids, row
    assert None not in row and None not in row.values(), row
print(json.dumps({
    "graphml_nodes": graph.number_of_nodes(), "graphml_edges": graph.number_of_edges(),
    "names": sorted(data.get("name", "") for _, data in graph.nodes(data=True)),
    "roots": sum(1 for _, _, data in graph.edges(data=True) if data.get("root") is True),
    "bloodhound_nodes": opened.get_node_count(), "bloodhound_edges": opened.get_edge_count(),
    "bloodhound_errors": errors, "neo4j_nodes": len(node_rows), "neo4j_edges": len(edge_rows),
}))
