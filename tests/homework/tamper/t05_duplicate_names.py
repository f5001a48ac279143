# Two cells for each check, the second one harmless; an answer under the name of a check.
# shows: not answered yet

# %% notebook
def damage(notebook):
    import copy

    for cell in list(notebook.cells):
        if cell.metadata.nbgrader.grade:
            double = copy.deepcopy(cell)
            double.source = "pass"
            notebook.cells.append(double)
            answer = copy.deepcopy(double)
            answer.metadata.nbgrader |= {"grade": False, "solution": True}
            notebook.cells.insert(0, answer)
