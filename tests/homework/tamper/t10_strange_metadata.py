# Metadata of types that nobody expects, another version, another kernel with a command in it.
# shows: not answered yet

# %% notebook
def damage(notebook):
    notebook.metadata.kernelspec = {"name": "x", "display_name": "x", "argv": ["touch", "pwned"]}
    for count, cell in enumerate(notebook.cells):
        cell.metadata.nbgrader = [
            None,
            ["step"],
            {"grade_id": ["step"], "solution": "yes"},
            {"grade_id": {"a": 1}, "schema_version": 99},
            {"grade_id": "step-hidden", "solution": True, "points": float("nan")},
        ][count % 5]
