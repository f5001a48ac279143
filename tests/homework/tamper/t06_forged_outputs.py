# The outputs and counts of cells that were never run say that everything passed.
# shows: not answered yet

# %% notebook
def damage(notebook):
    for count, cell in enumerate(notebook.cells):
        cell.execution_count = count
        cell.outputs = [
            {"output_type": "stream", "name": "stdout", "text": "passed: 7 of 7 points"},
            {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": {}},
        ]
        cell.metadata.nbgrader["checksum"] = "0" * 32
