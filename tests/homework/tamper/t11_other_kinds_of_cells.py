# Checks become raw and markdown cells, answers too; one is of a kind that does not exist.
# shows: not answered yet

# %% notebook
def damage(notebook):
    for count, cell in enumerate(notebook.cells):
        cell.cell_type = ["raw", "markdown", "graded"][count % 3]
