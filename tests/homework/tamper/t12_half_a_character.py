# Sources with half a character (a lone surrogate), zero bytes, and a million of characters.
# shows: is too large

# %% notebook
def damage(notebook):
    answers = [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]
    answers[0].source = "step = '\ud800'"
    answers[1].source = "step_backward = '\x00'"
    answers[2].source = "prediction = 1\n" + "#" * 2**21
