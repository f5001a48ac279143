# Sources that would swallow what follows: open strings and brackets, encodings, continued lines.
# shows: SyntaxError

# %% notebook
def damage(notebook):
    answers = [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]
    answers[0].source = '# -*- coding: utf-7 -*-\nstep = lambda *args: """'
    answers[1].source = "from __future__ import annotations, barry_as_FLUFL\nstep_backward = (\n"
    answers[2].source = "prediction = 4823 <> \\"
