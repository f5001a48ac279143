# The checks say of themselves that they are answers, which are the student's to write.
# shows: not answered yet

# %% notebook
def damage(notebook):
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade:
            cell.metadata.nbgrader |= {"grade": False, "solution": True, "locked": False}
            cell.source = "prediction = 'tried'"
