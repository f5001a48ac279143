# Added cells redefine what the checks use, in front of each check and behind the last one.
# shows: not answered yet

# %% notebook
def damage(notebook):
    from nbformat.v4 import new_code_cell

    cells = []
    for cell in notebook.cells:
        cells += [new_code_cell("def same(*args, **kwargs):\n    return None"), cell]
    notebook.cells = [*cells, new_code_cell("assert True")]
