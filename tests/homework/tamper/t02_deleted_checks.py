# The checks are deleted, so that nothing can fail.
# shows: not answered yet

# %% notebook
def damage(notebook):
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.nbgrader.grade]
