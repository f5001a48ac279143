# The given cell's `same` and `central_differences` are edited to agree with everything.
# shows: not answered yet

# %% notebook
def damage(notebook):
    tools = next(cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id == "tools")
    tools.source += "\ndef same(*args, **kwargs):\n    return None\n"
    tools.metadata.nbgrader |= {"solution": True, "locked": False}
